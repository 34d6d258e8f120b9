// The emitters: each turns the model into one kind of generated text. proto/kafka/README.md shows
// what comes out.
#pragma once

#include <string>
#include <vector>

#include "cmd/kmsgc/cpp.h"
#include "cmd/kmsgc/errors_list.h"
#include "cmd/kmsgc/schema.h"

namespace kronika::kmsgc {

// <file>.h and <file>.cc of one schema.
std::string EmitHeader(const Schema& schema);
std::string EmitSource(const Schema& schema);

// Parts of the source: reading, writing, dumping one struct; the error response of an API.
void EmitGet(Code& out, const Schema& schema, const Message& message, const Struct& fields);
void EmitPut(Code& out, const Schema& schema, const Message& message, const Struct& fields);
void EmitIsDefault(Code& out, const Message& message, const Struct& fields);
void EmitDump(Code& out, const Schema& schema, const Message& message, const Struct& fields);
void EmitErrorResponse(Code& out, const Message& request, const Message& response);

// api_table.h, api_table.cc, advertised.h: what holds for all APIs together.
std::string EmitTableHeader(const std::vector<Schema>& schemas);
std::string EmitTableSource(const std::vector<Schema>& schemas);
std::string EmitAdvertised(const std::vector<Schema>& schemas);

// errors.h and errors.cc.
std::string EmitErrorsHeader(const std::vector<ErrorEntry>& errors);
std::string EmitErrorsSource(const std::vector<ErrorEntry>& errors);

// layouts.cc: every message's layout as data, for tests and fuzzing.
std::string EmitLayouts(const std::vector<Schema>& schemas);

// What was understood, one line a field, for comparison with other sources.
std::string EmitDescription(const std::vector<Schema>& schemas);

}  // namespace kronika::kmsgc
