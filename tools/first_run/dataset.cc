// Taking index keys apart: PREFIX SUBJECT "/" OWNER.
#include "tools/first_run/dataset.h"

namespace moraine::first_run {

std::string_view OwnerOf(std::string_view index_key) {
  return index_key.substr(index_key.rfind('/') + 1);
}

std::string_view SubjectOf(std::string_view index_key, std::string_view prefix) {
  const size_t end = index_key.rfind('/');
  if (end == std::string_view::npos || end < prefix.size()) return {};
  return index_key.substr(prefix.size(), end - prefix.size());
}

}  // namespace moraine::first_run
