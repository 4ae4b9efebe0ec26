// Codes, their names, and error objects.
// tidy: allow(exceptions): the boundary at which what libraries throw becomes a code
#include "api/c/failure.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/c/handle.h"

namespace moraine::c {

namespace {

struct ErrorObject {
  moraine_code code;
  std::string message;
  std::optional<ConflictDetails> conflict;
};

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

// A handle of the object in `*error`.
void Give(moraine_error** error, std::unique_ptr<ErrorObject> object) {
  Handle* handle = HandlePool::Get().Make(HandleKind::kError, object.get());
  (void)object.release();
  *error = reinterpret_cast<moraine_error*>(handle);
}

}  // namespace

moraine_code CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return MORAINE_OK;
    case absl::StatusCode::kNotFound:
      return MORAINE_MISSING;
    case absl::StatusCode::kAlreadyExists:
      return MORAINE_EXISTS;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return MORAINE_INVALID_ARGUMENT;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
      return MORAINE_REFUSED;
    case absl::StatusCode::kResourceExhausted:
      return MORAINE_EXHAUSTED;
    case absl::StatusCode::kAborted:
      return MORAINE_CONFLICT;
    case absl::StatusCode::kDataLoss:
      return MORAINE_CORRUPTION;
    case absl::StatusCode::kUnavailable:
      return MORAINE_DEVICE;
    case absl::StatusCode::kDeadlineExceeded:
      return MORAINE_DEADLINE;
    case absl::StatusCode::kUnknown:
      return MORAINE_UNKNOWN;
    case absl::StatusCode::kUnimplemented:
      return MORAINE_UNSUPPORTED;
    default:
      return MORAINE_INTERNAL;
  }
}

moraine_code Fail(moraine_error** error, moraine_code code, std::string_view message) noexcept {
  if (error == nullptr) return code;
  *error = nullptr;
  try {
    Give(error,
         std::make_unique<ErrorObject>(ErrorObject{code, std::string(message), std::nullopt}));
  } catch (const std::exception&) {
    return code;
  }
  return code;
}

moraine_code Fail(moraine_error** error, const absl::Status& status) noexcept {
  const absl::string_view message = status.message();
  return Fail(error, CodeOf(status), {message.data(), message.size()});
}

moraine_code FailWithConflict(moraine_error** error, const absl::Status& status,
                              ConflictDetails details) noexcept {
  const moraine_code code = CodeOf(status);
  if (error == nullptr) return code;
  *error = nullptr;
  try {
    Give(error,
         std::make_unique<ErrorObject>(ErrorObject{code, MessageOf(status), std::move(details)}));
  } catch (const std::exception&) {
    return code;
  }
  return code;
}

}  // namespace moraine::c

namespace {

const moraine::c::ErrorObject* Find(const moraine_error* error) {
  const auto* handle = moraine::c::Handle::Find(error, moraine::c::HandleKind::kError);
  return handle == nullptr ? nullptr : static_cast<moraine::c::ErrorObject*>(handle->object());
}

}  // namespace

const char* moraine_error_message(const moraine_error* error) {
  const auto* object = Find(error);
  return object == nullptr ? "" : object->message.c_str();
}

moraine_code moraine_error_code(const moraine_error* error) {
  if (error == nullptr) return MORAINE_OK;
  const auto* object = Find(error);
  return object == nullptr ? MORAINE_MISUSE : object->code;
}

moraine_code moraine_error_conflict(const moraine_error* error, moraine_tree** tree,
                                    moraine_slice* key, uint64_t* winner) {
  const auto* object = Find(error);
  if (object == nullptr) return MORAINE_MISUSE;
  if (!object->conflict.has_value()) return MORAINE_NOT_FOUND;
  if (tree != nullptr) *tree = object->conflict->tree;
  if (key != nullptr) *key = {object->conflict->key.data(), object->conflict->key.size()};
  if (winner != nullptr) *winner = object->conflict->winner;
  return MORAINE_OK;
}

moraine_code moraine_error_free(moraine_error* error) {
  using moraine::c::Handle;
  if (error == nullptr) return MORAINE_OK;
  std::unique_ptr<moraine::c::ErrorObject> object(
      static_cast<moraine::c::ErrorObject*>(Handle::Claim(error, moraine::c::HandleKind::kError)));
  if (object == nullptr) return MORAINE_MISUSE;
  moraine::c::HandlePool::Get().Release(error);
  return MORAINE_OK;
}

const char* moraine_code_name(moraine_code code) {
  switch (code) {
    case MORAINE_OK:
      return "MORAINE_OK";
    case MORAINE_NOT_FOUND:
      return "MORAINE_NOT_FOUND";
    case MORAINE_MISMATCH:
      return "MORAINE_MISMATCH";
    case MORAINE_TOO_SMALL:
      return "MORAINE_TOO_SMALL";
    case MORAINE_MISSING:
      return "MORAINE_MISSING";
    case MORAINE_EXISTS:
      return "MORAINE_EXISTS";
    case MORAINE_MISUSE:
      return "MORAINE_MISUSE";
    case MORAINE_INVALID_ARGUMENT:
      return "MORAINE_INVALID_ARGUMENT";
    case MORAINE_REFUSED:
      return "MORAINE_REFUSED";
    case MORAINE_EXHAUSTED:
      return "MORAINE_EXHAUSTED";
    case MORAINE_CONFLICT:
      return "MORAINE_CONFLICT";
    case MORAINE_CORRUPTION:
      return "MORAINE_CORRUPTION";
    case MORAINE_DEVICE:
      return "MORAINE_DEVICE";
    case MORAINE_DEADLINE:
      return "MORAINE_DEADLINE";
    case MORAINE_UNKNOWN:
      return "MORAINE_UNKNOWN";
    case MORAINE_UNSUPPORTED:
      return "MORAINE_UNSUPPORTED";
    case MORAINE_INTERNAL:
      return "MORAINE_INTERNAL";
    default:
      return "an unknown code";
  }
}
