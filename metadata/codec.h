// Records and parts of the image as bytes (proto/metadata.proto). The only user of the generated
// code is codec.cc.
//
// Called from any thread. Decoding trusts nothing: kCorruption for bytes that no encoder of ours
// makes, kUnsupported for a record kind of a later version.
#pragma once

#include <string>

#include "base/buffer.h"
#include "base/result.h"
#include "metadata/image.h"
#include "metadata/records.h"

namespace kronika::metadata {

// The payload of one entry.
std::string EncodeRecords(const Records& records);
Result<Records> DecodeRecords(Bytes bytes);

// Everything of an image that is not in one of its maps, its metadata group included.
std::string EncodeState(const Image& image);
Status DecodeState(Bytes bytes, Image& image);

std::string EncodeBroker(const Broker& broker);
Result<Broker> DecodeBroker(Bytes bytes);

// A topic without its partitions, and how many it has.
std::string EncodeTopic(const Topic& topic);
struct DecodedTopic {
  Topic topic;  // id is not in the value: it is the key
  std::size_t partitions = 0;
};
Result<DecodedTopic> DecodeTopic(Bytes bytes);

std::string EncodePartition(const Uuid& topic, const Partition& partition);
struct DecodedPartition {
  Uuid topic;
  Partition partition;  // group is not in the value: it is the key
};
Result<DecodedPartition> DecodePartition(Bytes bytes);

}  // namespace kronika::metadata
