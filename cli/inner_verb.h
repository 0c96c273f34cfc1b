#pragma once

namespace CLI {
class App;
}

namespace opoloop {

/// The inner verb that was given, such as the family of `generate`. The verb must allow extras, so that a
/// name nobody knows comes this far. Throws InputError naming those there are where none was given, and on an
/// argument that the inner verb does not take.
const CLI::App& chosen_family(const CLI::App& verb);

}  // namespace opoloop
