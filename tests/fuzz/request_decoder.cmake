kronika_fuzz(fuzz_request_decoder
  SOURCES request_decoder.cc ${CMAKE_SOURCE_DIR}/tests/unit/proto/message_maker.cc
  DEPS kronika_kafka_layouts
  PLANTED decoder-trusts-length)
