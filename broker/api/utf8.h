// Whether a client's text is UTF-8. Names come back to other clients, whose decoders may refuse a
// whole answer for one byte, as Prometheus does a whole page.
//
// Pure; any thread. Source: RFC 3629.
#pragma once

#include <string>
#include <string_view>

namespace kronika::broker {

bool IsUtf8(std::string_view text);

// The text with a question mark for each byte that is no part of UTF-8.
std::string ToUtf8(std::string_view text);

}  // namespace kronika::broker
