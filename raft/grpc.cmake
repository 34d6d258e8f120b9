# The real transport. gRPC is named in this file and in the two sources only.
find_package(gRPC CONFIG QUIET)
if(NOT gRPC_FOUND)
  pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++)
  add_library(gRPC::grpc++ ALIAS PkgConfig::GRPCPP)
endif()
kronika_library(kronika_grpc_transport
  SOURCES grpc_transport.cc grpc_stream.cc
  DEPS kronika_raft gRPC::grpc++)
kronika_wraps_uninstrumented(kronika_grpc_transport)
