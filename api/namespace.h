// Where public names live: in moraine::v1, an inline namespace, so that a program writes
// moraine::Database while the linker sees moraine::v1::Database. The storage layers have names of
// their own in moraine (a Tree, a Durability); this keeps the two apart for the linker, and lets a
// later version of the library change a type without breaking what was compiled before.
//
// Inside api, where both are in view, v1 is not inline: there Tree in v1 is the public handle and
// moraine::Tree the engine's.
#ifndef MORAINE_API_NAMESPACE_H_
#define MORAINE_API_NAMESPACE_H_

// Written `namespace moraine::MORAINE_V1 {`.
#ifdef MORAINE_INSIDE_API
#define MORAINE_V1 v1
#else
#define MORAINE_V1 inline v1
#endif

#endif  // MORAINE_API_NAMESPACE_H_
