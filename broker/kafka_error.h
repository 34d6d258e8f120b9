// Kafka's error codes in the broker's words, and the one place where an operating error of ours
// becomes one.
//
// Any thread. The list of codes is proto/kafka/errors.list.
#pragma once

#include "base/error.h"
#include "proto/kafka/errors.h"

namespace kronika::broker {

using kafka::KafkaError;

KafkaError FromError(const Error& error);

}  // namespace kronika::broker
