# Raft's log on the journal; apart from kronika_raft, which knows the LogStore only.
kronika_library(kronika_journal_log_store
  SOURCES journal_log_store.cc
  DEPS kronika_raft_core kronika_journal)

# Its stand-in for tests and the simulator.
kronika_library(kronika_fake_log_store
  SOURCES fake_log_store.cc
  DEPS kronika_raft_core)
