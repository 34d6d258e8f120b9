// The identity file on a disk: written when a directory is formatted, raised at every open.
//
// Runs on the loop of the Files object, which is rooted in the data directory and must outlive the
// call. A new text is written and synced under a temporary name, renamed, and the folder synced:
// there is always one whole file.
#pragma once

#include <string_view>

#include "base/files.h"
#include "metadata/identity.h"

namespace kronika::metadata {

inline constexpr std::string_view kIdentityFile = "identity";
inline constexpr std::string_view kIdentityTemporary = "identity.tmp";
inline constexpr std::string_view kDirectoryLock = "lock";

// Makes an empty directory this one. kAlreadyExists, and nothing changed: it holds data or another
// identity; the same identity is success.
void FormatDirectory(Files& files, Identity identity, Done<void> done);

// Reads the file; kNotFound: the directory was never formatted.
void ReadIdentity(Files& files, Done<Identity> done);

// Reads, checks that the directory is `node_id`'s (kFenced), raises the boot epoch, and gives the
// identity once that is durable.
void OpenIdentity(Files& files, BrokerId node_id, Done<Identity> done);

// Replaces the file: for a joiner that has learnt its cluster.
void WriteIdentity(Files& files, const Identity& identity, Done<void> done);

}  // namespace kronika::metadata
