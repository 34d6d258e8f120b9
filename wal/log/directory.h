// Partition folders as wholes: put aside for removal, swapped for an installed one, left-overs
// removed.
//
// Used from the owner's loop, with the partition's log closed. Renames are durable when `done`
// runs.
#pragma once

#include <set>
#include <string>

#include "base/files.h"
#include "base/ids.h"
#include "wal/log/manifest.h"

namespace kronika::wal {

// Frees the name `directory` at once: what is there becomes `<directory>.<group>-delete` (SAFETY
// A9). A folder that does not exist is success. The bytes are removed behind `done`; what a crash
// leaves of them goes with RemoveLeftovers.
void RetireDirectory(Files& files, std::string directory, GroupId group, Done<void> done);

// Puts the staged folder of a full install in the place of the old one. `installed` is the manifest
// that InstallWriter::Finish gave and that the journal's `installed` record holds. May be repeated
// after a crash at any point, until the Kv store holds a manifest of that or a later applied index.
// The bytes of the old folder are removed behind `done`.
void AdoptStaged(Files& files, const Manifest& installed, Done<void> done);

// Removes every folder put aside, and every staged one of groups that are not in `keep`: those may
// stage an install at any time. Yields nothing that must be durable; at a start.
void RemoveLeftovers(Files& files, std::set<GroupId> keep, Done<void> done);

}  // namespace kronika::wal
