// Where an operating error of ours becomes one of Kafka's error codes.
//
// Any thread. The codes themselves, with names and texts, are generated from proto/kafka/errors.list.
#pragma once

#include "base/error.h"
#include "proto/kafka/errors.h"

namespace kronika::broker {

using kafka::IsKnown;
using kafka::KafkaError;
using kafka::Name;

// The one place where an operating error of ours becomes an answer to a client.
KafkaError FromError(const Error& error);

}  // namespace kronika::broker
