// FaultyFiles: real Files that misbehave on purpose, for tests of the whole daemon. Test builds
// only.
//
// Called on the loop. It wraps another Files. A sync is Sync() or a kSynced write of a file whose
// path contains `path_part`.
// 1. Each sync completes `sync_delay` later than the disk was ready.
// 2. Each synced write reaches the disk `write_delay` late: until then a crash forgets it.
// 3. Both delays apply only while the file `while_exists` of the real disk is there; empty: always.
// 4. The sync number `fail_sync` fails with kIo after its bytes may have reached the disk; the file
//    is condemned, as files.h rule 5 says.
#pragma once

#if KRONIKA_TEST_BUILD

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/loop.h"

namespace kronika {

struct FaultOptions {
  Duration sync_delay{};
  Duration write_delay{};
  std::uint64_t fail_sync = 0;  // from 1; 0 = none
  std::string path_part = {};
  std::string while_exists = {};
};

// "sync_delay_ms=30,write_delay_ms=20,fail_sync=7,path=journal,while_exists=../slow", each part
// optional; kInvalidArgument.
Result<FaultOptions> ParseFaultOptions(std::string_view text);

// `loop` outlives the result, which owns `files`.
std::unique_ptr<Files> MakeFaultyFiles(std::unique_ptr<Files> files, FaultOptions options,
                                       Loop& loop);

}  // namespace kronika

#endif
