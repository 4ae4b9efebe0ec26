// JSON by simdjson, which checks UTF-8 and nesting; everything else is checked here.
#include "tools/history/history_reader.h"

#include <simdjson.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "storage/base/status_macros.h"

namespace moraine::history {
namespace {

namespace dom = simdjson::dom;

absl::Status Wrong(std::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

// Keys are compared as text: 7 and "7" are the same key.
absl::StatusOr<std::string> KeyOf(dom::element value) {
  std::string_view text;
  int64_t number = 0;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  if (value.get(number) == simdjson::SUCCESS) return absl::StrCat(number);
  return Wrong("a key must be a string or a whole number");
}

absl::StatusOr<Element> ElementOf(dom::element value, History* history) {
  std::string_view text;
  int64_t number = 0;
  if (value.get(text) == simdjson::SUCCESS) return history->Text(text);
  if (value.get(number) == simdjson::SUCCESS) {
    if (number >= 0 && number < int64_t{1} << 62)
      return History::Number(static_cast<uint64_t>(number));
    return history->Text(absl::StrCat(number));
  }
  return Wrong("an element must be a whole number or a string");
}

absl::Status ElementsOf(dom::element value, History* history, std::vector<Element>* elements) {
  elements->clear();
  if (value.is_null()) return absl::OkStatus();  // no such key: an empty list
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return Wrong("what was read must be a list or null");
  for (dom::element one : list) {
    MORAINE_ASSIGN_OR_RETURN(Element element, ElementOf(one, history));
    elements->push_back(element);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<uint64_t>> TimeOf(dom::object line, const char* name) {
  dom::element value;
  if (line[name].get(value) != simdjson::SUCCESS || value.is_null())
    return std::optional<uint64_t>();
  uint64_t time = 0;
  if (value.get(time) != simdjson::SUCCESS)
    return Wrong(absl::StrCat("\"", name, "\" must be a whole number, not negative"));
  return std::optional<uint64_t>(time);
}

absl::StatusOr<std::string> NameOf(dom::object line, const char* name) {
  dom::element value;
  if (line[name].get(value) != simdjson::SUCCESS || value.is_null()) return std::string();
  absl::StatusOr<std::string> text = KeyOf(value);
  if (!text.ok()) return Wrong(absl::StrCat("\"", name, "\" must be a string or a whole number"));
  return text;
}

absl::StatusOr<History::Header> HeaderOf(dom::object line, uint64_t number) {
  for (const dom::key_value_pair member : line) {
    bool known = false;
    for (std::string_view name : {"name", "session", "begin", "end", "outcome", "isolation", "ops"})
      known = known || member.key == name;
    if (!known) return Wrong(absl::StrCat("no member is called \"", std::string(member.key), "\""));
  }
  History::Header header;
  header.line = number;
  MORAINE_ASSIGN_OR_RETURN(header.name, NameOf(line, "name"));
  MORAINE_ASSIGN_OR_RETURN(header.session, NameOf(line, "session"));
  MORAINE_ASSIGN_OR_RETURN(header.begin, TimeOf(line, "begin"));
  MORAINE_ASSIGN_OR_RETURN(header.end, TimeOf(line, "end"));
  MORAINE_ASSIGN_OR_RETURN(std::string outcome, NameOf(line, "outcome"));
  if (outcome == "aborted") {
    header.outcome = Outcome::kAborted;
  } else if (outcome == "unknown") {
    header.outcome = Outcome::kUnknown;
  } else if (!outcome.empty() && outcome != "committed") {
    return Wrong(R"("outcome" must be committed, aborted or unknown)");
  }
  MORAINE_ASSIGN_OR_RETURN(std::string isolation, NameOf(line, "isolation"));
  if (!isolation.empty() && isolation != "serializable" && isolation != "snapshot")
    return Wrong(R"("isolation" must be serializable or snapshot)");
  header.snapshot_only = isolation == "snapshot";
  return header;
}

}  // namespace

struct HistoryReader::Parser {
  absl::Status AddLine(std::string_view line, uint64_t number) {
    dom::element document;
    const simdjson::error_code error = parser.parse(line.data(), line.size()).get(document);
    if (error != simdjson::SUCCESS)
      return Wrong(absl::StrCat("no JSON: ", simdjson::error_message(error)));
    dom::object object;
    if (document.get(object) != simdjson::SUCCESS)
      return Wrong(R"(a transaction is an object such as {"ops":[["append","x",1]]})");
    MORAINE_ASSIGN_OR_RETURN(History::Header header, HeaderOf(object, number));
    dom::array operations;
    if (object["ops"].get(operations) != simdjson::SUCCESS)
      return Wrong("\"ops\" must be a list of operations");
    history.Begin(std::move(header));
    for (dom::element operation : operations) MORAINE_RETURN_IF_ERROR(AddOperation(operation));
    return absl::OkStatus();
  }

  absl::Status AddOperation(dom::element operation) {
    dom::array list;
    std::vector<dom::element> parts;
    if (operation.get(list) == simdjson::SUCCESS) {
      for (dom::element part : list) {
        if (parts.size() <= 4) parts.push_back(part);
      }
    }
    std::string_view kind;
    if (parts.empty() || parts[0].get(kind) != simdjson::SUCCESS) kind = "";
    if (kind == "scan" && parts.size() == 4) return AddScan(parts);
    if (kind == "append" && parts.size() == 3) {
      MORAINE_ASSIGN_OR_RETURN(std::string key, KeyOf(parts[1]));
      MORAINE_ASSIGN_OR_RETURN(Element element, ElementOf(parts[2], &history));
      history.Append(key, element);
      return absl::OkStatus();
    }
    if (kind == "read" && (parts.size() == 2 || parts.size() == 3)) {
      MORAINE_ASSIGN_OR_RETURN(std::string key, KeyOf(parts[1]));
      if (parts.size() == 2) return absl::OkStatus();  // asked, but nobody knows the answer
      MORAINE_RETURN_IF_ERROR(ElementsOf(parts[2], &history, &elements));
      history.Read(key, elements);
      return absl::OkStatus();
    }
    return Wrong(R"(an operation is ["append",KEY,ELEMENT], ["read",KEY,[ELEMENT,...]] or )"
                 R"(["scan",FROM,TO,[[KEY,[ELEMENT,...]],...]])");
  }

  absl::Status AddScan(const std::vector<dom::element>& parts) {
    MORAINE_ASSIGN_OR_RETURN(std::string low, KeyOf(parts[1]));
    std::optional<std::string> high;
    if (!parts[2].is_null()) {
      MORAINE_ASSIGN_OR_RETURN(high, KeyOf(parts[2]));
    }
    dom::array list;
    if (parts[3].get(list) != simdjson::SUCCESS)
      return Wrong("what a scan found must be a list of [KEY,[ELEMENT,...]]");
    std::vector<History::Found> found;
    for (dom::element one : list) {
      dom::array pair;
      if (one.get(pair) != simdjson::SUCCESS || pair.size() != 2)
        return Wrong("what a scan found must be a list of [KEY,[ELEMENT,...]]");
      History::Found& record = found.emplace_back();
      MORAINE_ASSIGN_OR_RETURN(record.key, KeyOf(pair.at(0).value()));
      MORAINE_RETURN_IF_ERROR(ElementsOf(pair.at(1).value(), &history, &record.elements));
      if (record.key < low || (high && record.key >= *high))
        return Wrong(absl::StrCat("the scan found ", record.key, ", which it did not ask for"));
    }
    std::optional<std::string_view> end;
    if (high) end = *high;
    history.Scan(low, end, found);
    return absl::OkStatus();
  }

  dom::parser parser;
  History history;
  std::vector<Element> elements;
};

HistoryReader::HistoryReader() : parser_(std::make_unique<Parser>()) {}
HistoryReader::~HistoryReader() = default;

absl::Status HistoryReader::AddLine(std::string_view line, uint64_t number) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return absl::OkStatus();
  absl::Status status = parser_->AddLine(line, number);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(
      absl::StrCat("line ", number, ": ", std::string(status.message())));
}

absl::StatusOr<History> HistoryReader::Finish() {
  MORAINE_RETURN_IF_ERROR(parser_->history.Finish());
  return std::move(parser_->history);
}

}  // namespace moraine::history
