find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
# raft.proto's generated code; only raft/codec.cc and raft/grpc_hello.cc include it.
set(wire ${CMAKE_BINARY_DIR}/generated/proto)
add_custom_command(
  OUTPUT ${wire}/raft.pb.cc ${wire}/raft.pb.h
  COMMAND ${CMAKE_COMMAND} -E make_directory ${wire}
  COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/proto --cpp_out=${wire} raft.proto
  DEPENDS ${CMAKE_SOURCE_DIR}/proto/raft.proto)
add_library(kronika_raft_wire STATIC ${wire}/raft.pb.cc)
target_include_directories(kronika_raft_wire SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(kronika_raft_wire PUBLIC protobuf::libprotobuf-lite)

kronika_library(kronika_raft
  SOURCES group.cc group_checkpoint.cc group_manager.cc group_manager_frames.cc peer_link.cc beats.cc calls.cc leader_states.cc installs.cc frame_bytes.cc codec.cc replica_record.cc
  DEPS kronika_raft_core kronika_base kronika_raft_wire)
