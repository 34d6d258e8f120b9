# The simulator's network.
kronika_library(kronika_raft_fakes SOURCES fake_transport.cc DEPS kronika_raft)
