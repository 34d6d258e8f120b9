#include "metadata/identity_file.h"

#include <fmt/format.h>

#include <memory>

namespace kronika::metadata {
namespace {

constexpr std::size_t kIdentityBytesMax = 64 << 10;

// One replacement of the file: remove a leftover, create, write, rename, sync the folder.
struct Replacement : std::enable_shared_from_this<Replacement> {
  Replacement(Files& files, std::string text, Done<void> done)
      : files(files), text(std::move(text)), done(std::move(done)) {}

  void Start() {
    files.Remove(std::string(kIdentityTemporary), [self = shared_from_this()](Status removed) {
      if (!removed && removed.error().code != ErrorCode::kNotFound)
        return self->done(std::move(removed));
      self->Create();
    });
  }

  void Create() {
    files.Create(std::string(kIdentityTemporary), {},
                 [self = shared_from_this()](Result<std::unique_ptr<File>> made) {
                   if (!made) return self->done(std::unexpected(std::move(made).error()));
                   self->file = std::move(*made);
                   self->Write();
                 });
  }

  void Write() {
    file->Write(0, {Slice::CopyOf(text)}, Durability::kSynced,
                [self = shared_from_this()](Status written) {
                  if (!written) return self->done(std::move(written));
                  self->file.reset();
                  self->Rename();
                });
  }

  void Rename() {
    files.Rename(std::string(kIdentityTemporary), std::string(kIdentityFile),
                 [self = shared_from_this()](Status renamed) {
                   if (!renamed) return self->done(std::move(renamed));
                   self->files.SyncDir("",
                                       [self](Status synced) { self->done(std::move(synced)); });
                 });
  }

  Files& files;
  const std::string text;
  Done<void> done;
  std::unique_ptr<File> file;
};

// What may lie in a directory that is to be formatted.
bool Harmless(std::string_view name) {
  return name == kIdentityTemporary || name == kDirectoryLock || name == "lost+found";
}

void FormatIfEmpty(Files& files, Identity identity, Done<void> done) {
  files.List("", [&files, identity = std::move(identity),
                  done = std::move(done)](Result<std::vector<DirEntry>> entries) mutable {
    if (!entries) return done(std::unexpected(std::move(entries).error()));
    for (const auto& entry : *entries) {
      if (Harmless(entry.name)) continue;
      return done(
          Fail(ErrorCode::kAlreadyExists,
               fmt::format(
                   "it is not empty ('{}' is there) and was never formatted; nothing was changed",
                   entry.name),
               "data directory"));
    }
    WriteIdentity(files, identity, std::move(done));
  });
}

Status SameIdentity(const Identity& found, const Identity& wanted) {
  const bool same = found.cluster == wanted.cluster && found.broker == wanted.broker &&
                    found.directory == wanted.directory;
  if (same) return {};
  return Fail(
      ErrorCode::kAlreadyExists,
      fmt::format("it is already formatted, for broker {} of cluster {}; nothing was changed",
                  found.broker.value, found.cluster.ToString()),
      "data directory");
}

}  // namespace

void WriteIdentity(Files& files, const Identity& identity, Done<void> done) {
  std::make_shared<Replacement>(files, EncodeIdentity(identity), std::move(done))->Start();
}

void ReadIdentity(Files& files, Done<Identity> done) {
  files.Open(std::string(kIdentityFile), {},
             [done = std::move(done)](Result<std::unique_ptr<File>> opened) mutable {
               if (!opened) return done(std::unexpected(std::move(opened).error()));
               std::shared_ptr<File> file = std::move(*opened);
               File& reader = *file;
               reader.Read(
                   0, kIdentityBytesMax,
                   [file = std::move(file), done = std::move(done)](Result<Slice> read) mutable {
                     if (!read) return done(std::unexpected(std::move(read).error()));
                     done(DecodeIdentity(read->text()));
                   });
             });
}

void FormatDirectory(Files& files, Identity identity, Done<void> done) {
  ReadIdentity(files, [&files, identity = std::move(identity),
                       done = std::move(done)](Result<Identity> found) mutable {
    if (found) return done(SameIdentity(*found, identity));
    if (found.error().code != ErrorCode::kNotFound)
      return done(std::unexpected(std::move(found).error()));
    FormatIfEmpty(files, std::move(identity), std::move(done));
  });
}

void OpenIdentity(Files& files, BrokerId node_id, Done<Identity> done) {
  ReadIdentity(files, [&files, node_id, done = std::move(done)](Result<Identity> found) mutable {
    if (!found) return done(std::move(found));
    if (auto owner = CheckOwner(*found, node_id); !owner)
      return done(std::unexpected(std::move(owner).error()));
    Identity identity = std::move(*found);
    ++identity.boot_epoch;
    WriteIdentity(files, identity, [identity, done = std::move(done)](Status written) mutable {
      if (!written) return done(std::unexpected(std::move(written).error()));
      done(std::move(identity));
    });
  });
}

}  // namespace kronika::metadata
