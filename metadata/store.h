// The image as keys and values: for the key-value store of the data directory, and for full
// installs.
//
// Called on the metadata group's loop; pure. Keys (metadata/README.md has them as a table) begin
// with kStorePrefix. Invariant: Load(Dump(image)) is the image, and a store that held Dump(before)
// holds Dump(after) once the batch of AddChanges(before, after) is applied.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/kv.h"
#include "metadata/image.h"

namespace kronika::metadata {

inline constexpr std::string_view kStorePrefix = "metadata/";
inline constexpr std::string_view kStagedPrefix = "metadata-staged/";

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Everything, in no particular order.
Pairs Dump(const Image& image);
// kCorruption: pairs are missing, contradict each other or do not decode.
Result<ImagePtr> LoadImage(const Pairs& pairs);

void AddChanges(const Image& before, const Image& after, KvBatch& batch);

// Pairs as one string, and back; kCorruption.
std::string EncodePairs(const Pairs& pairs);
Result<Pairs> DecodePairs(Bytes bytes);

// The key of the group's own replica record, which a checkpoint keeps in the same batch as the
// image.
std::string ReplicaKey();

// The key of StoredImage::carried_out, and its value.
std::string CarriedOutKey();
std::string EncodeIndex(Index index);
Index DecodeIndex(Bytes bytes);

}  // namespace kronika::metadata
