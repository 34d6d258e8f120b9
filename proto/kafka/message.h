// What the generated sources share.
#pragma once

#include <string>

#include "proto/kafka/wire.h"

namespace kronika::kafka {

Error UnservedVersion(std::string_view message, std::int16_t version);

// Kafka takes no notice of what a client leaves behind any request; here a schema says where one
// does.
template <class Message>
bool MayTrail(std::int16_t version) {
  if constexpr (requires { Message::kTrailingFirst; }) return version >= Message::kTrailingFirst;
  return false;
}

template <class Message>
Result<Message> DecodeMessage(Slice bytes, std::int16_t version) {
  if (version < Message::kVersionFirst || version > Message::kVersionLast) {
    return std::unexpected(UnservedVersion(Message::kName, version));
  }
  Reader in(std::move(bytes));
  Message message;
  message.Read(in, version);
  if (!MayTrail<Message>(version)) in.ExpectEnd();
  if (!in.ok()) return std::unexpected(DecodeError(in, Message::kName, version));
  return message;
}

}  // namespace kronika::kafka
