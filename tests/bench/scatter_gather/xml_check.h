// Whether a text is well-formed XML, as far as our own pictures use it: a prolog, elements with
// quoted attributes, text with the five named entities.
#ifndef MORAINE_TESTS_BENCH_SCATTER_GATHER_XML_CHECK_H_
#define MORAINE_TESTS_BENCH_SCATTER_GATHER_XML_CHECK_H_

#include <regex>
#include <string>
#include <vector>

namespace moraine::bench {

// Empty when it is; otherwise what is wrong, and where.
inline std::string XmlError(const std::string& text) {
  static const std::regex kTag(
      R"re(<(\?xml|/?[A-Za-z][\w-]*)((?:\s+[A-Za-z_][\w:-]*="[^"<]*")*)\s*([?/]?)>)re");
  static const std::regex kText(R"re((?:[^<&]|&(?:amp|lt|gt|quot|apos);)*)re");
  std::vector<std::string> open;
  int elements = 0;
  size_t at = 0;
  while (at < text.size()) {
    const size_t next = std::min(text.find('<', at), text.size());
    const std::string between = text.substr(at, next - at);
    if (!std::regex_match(between, kText)) return "text: " + between;
    if (open.empty() && between.find_first_not_of(" \n") != std::string::npos) {
      return "text outside of the document: " + between;
    }
    if (next == text.size()) break;
    const size_t end = text.find('>', next);
    if (end == std::string::npos) return "no end of: " + text.substr(next, 40);
    const std::string tag = text.substr(next, end + 1 - next);
    std::smatch match;
    if (!std::regex_match(tag, match, kTag)) return "tag: " + tag;
    const std::string name = match[1];
    at = end + 1;
    if (name == "?xml") {
      if (next != 0 || match[3] != "?") return "prolog: " + tag;
    } else if (name[0] == '/') {
      if (open.empty() || open.back() != name.substr(1)) return "closes nothing: " + tag;
      open.pop_back();
    } else {
      if (open.empty() && ++elements > 1) return "a second root: " + tag;
      if (match[3] != "/") open.push_back(name);
    }
  }
  if (!open.empty()) return "left open: " + open.back();
  return elements == 1 ? "" : "no element";
}

}  // namespace moraine::bench

#endif  // MORAINE_TESTS_BENCH_SCATTER_GATHER_XML_CHECK_H_
