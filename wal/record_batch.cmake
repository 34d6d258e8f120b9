# Kafka record batches: header, records, compression, builder. Knows nothing of partitions, files or Raft.
find_package(ZLIB REQUIRED)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_package(Snappy REQUIRED)
kronika_library(kronika_record_batch
  SOURCES record_batch.cc record_reader.cc record_builder.cc compress.cc decompress.cc
  DEPS kronika_base ZLIB::ZLIB PkgConfig::LZ4 PkgConfig::ZSTD Snappy::snappy)
