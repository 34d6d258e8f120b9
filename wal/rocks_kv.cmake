# The only user of RocksDB's headers.
find_package(RocksDB REQUIRED)
kronika_library(kronika_rocks_kv SOURCES rocks_kv.cc DEPS kronika_base)
target_link_libraries(kronika_rocks_kv PRIVATE RocksDB::rocksdb-shared)
