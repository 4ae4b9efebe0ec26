// Checking what a caller in C passed, before anything is done with it. A function asks for each of
// its arguments in turn, then once whether all were fine; the first that was not is the one that the
// error names.
#ifndef MORAINE_API_C_ARGUMENTS_H_
#define MORAINE_API_C_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "api/c/failure.h"
#include "api/c/handle.h"
#include "api/c/objects.h"
#include <moraine/c.h>
#include <moraine/database.h>

namespace moraine::c {

class Arguments {
 public:
  bool ok() const { return message_ == nullptr; }
  moraine_code Fail(moraine_error** error) const { return c::Fail(error, code_, message_); }

  DatabaseObject* DatabaseOf(const moraine_database* database) {
    const Handle* handle = Handle::Find(database, HandleKind::kDatabase);
    if (handle == nullptr) {
      Misuse("database: NULL, closed, or no database");
      return nullptr;
    }
    return static_cast<DatabaseObject*>(static_cast<ViewObject*>(handle->object()));
  }

  ViewObject* ViewOf(moraine_view* view) {
    const HandleKind kind = Handle::KindOf(view);
    if (kind == HandleKind::kDatabase || kind == HandleKind::kSnapshot) {
      return static_cast<ViewObject*>(Handle::ObjectOf(view));
    }
    if (kind == HandleKind::kTransaction) return TransactionOf(view);
    Misuse("view: NULL, closed, freed, or no database, snapshot or transaction");
    return nullptr;
  }

  // The transaction, which is then in use by this call until the end of the Arguments.
  TransactionObject* TransactionOf(const void* transaction) {
    use_.emplace(transaction, HandleKind::kTransaction);
    if (use_->entered()) {
      return static_cast<TransactionObject*>(static_cast<ViewObject*>(use_->object()));
    }
    Misuse(use_->found() ? "transaction: another thread is inside a call on it"
                         : "transaction: NULL, freed, or no transaction");
    return nullptr;
  }

  // The tree, which must be one of `database` unless that is nullptr.
  const TreeObject* TreeOf(const moraine_tree* tree, const DatabaseObject* database) {
    const Handle* handle = Handle::Find(tree, HandleKind::kTree);
    if (handle == nullptr) {
      Misuse("tree: NULL, no tree, or its database is closed");
      return nullptr;
    }
    const auto* object = static_cast<TreeObject*>(handle->object());
    if (database != nullptr && object->owner != database) Misuse("tree: of another database");
    return object;
  }

  // Bytes of a key or a bound.
  std::string_view Key(const void* data, size_t size) {
    if (size > MORAINE_MOST_KEY_BYTES) return Reject("a key of more than 4096 bytes");
    return Bytes(data, size, "key: NULL with a size");
  }
  std::string_view Value(const void* data, size_t size) {
    if (size > MORAINE_MOST_VALUE_BYTES) return Reject("a value of more than 64 MiB");
    return Bytes(data, size, "value: NULL with a size");
  }
  std::string_view Name(const char* data, size_t size) {
    if (size > kMostNameBytes) return Reject("a name of more than 255 bytes");
    return Bytes(data, size, "name: NULL with a size");
  }
  // NULL is absent.
  std::optional<std::string_view> OptionalValue(const moraine_slice* value) {
    if (value == nullptr) return std::nullopt;
    return Value(value->data, value->size);
  }

  Durability DurabilityOf(moraine_durability durability) {
    switch (durability) {
      case MORAINE_SYNC:
        return Durability::kSync;
      case MORAINE_GROUP:
        return Durability::kGroup;
      case MORAINE_NONE:
        return Durability::kNone;
      default:
        (void)Reject("durability: neither MORAINE_SYNC, MORAINE_GROUP nor MORAINE_NONE");
        return Durability::kSync;
    }
  }

  // For an output, or a function, that may not be NULL.
  template <class T>
  void Required(const T* pointer, const char* message) {
    if (pointer == nullptr) Misuse(message);
  }

  // The bounds of `range`; NULL: all keys.
  Range RangeOf(const moraine_range* range, bool* reverse);

  // Copies what a caller of any version filled in. `least_size`: of the struct's first version.
  template <class T>
  T Struct(const T* from, size_t least_size) {
    T to;
    std::memset(&to, 0, sizeof(to));
    if (from != nullptr) CopyStruct(from, from->struct_size, least_size, &to, sizeof(to));
    return to;
  }

  void Misuse(const char* message) { Set(MORAINE_MISUSE, message); }
  void Unsupported(const char* message) { Set(MORAINE_UNSUPPORTED, message); }
  std::string_view Reject(const char* message) {
    Set(MORAINE_INVALID_ARGUMENT, message);
    return {};
  }

 private:
  static constexpr size_t kMostNameBytes = 255;

  void Set(moraine_code code, const char* message) {
    if (message_ != nullptr) return;
    code_ = code;
    message_ = message;
  }
  std::string_view Bytes(const void* data, size_t size, const char* message) {
    if (data == nullptr) {
      if (size != 0) Misuse(message);
      return {};
    }
    return {static_cast<const char*>(data), size};
  }
  void CopyStruct(const void* from, size_t from_size, size_t least_size, void* to, size_t to_size);

  std::optional<ExclusiveUse> use_;  // of the transaction
  moraine_code code_ = MORAINE_OK;
  const char* message_ = nullptr;  // set: something is wrong
};

}  // namespace moraine::c

#endif  // MORAINE_API_C_ARGUMENTS_H_
