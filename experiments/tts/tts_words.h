#pragma once

#include <ostream>
#include <string>

#include "experiments/tts/tts_answer.h"

namespace opoloop {

/// Fills answer.warnings and answer.sentences from the rest of it: what is said is computed from the
/// intervals, never written down beforehand.
void say_tts_answer(TtsAnswer& answer);

/// "1.2 ms [0.9 ms, 1.5 ms]"; "> 3 s" where not half the class was solved; "-" where it does not exist.
std::string time_text(const ClassTime& time, TtsUnit unit);
/// As above for the bare number, "inf" included.
std::string amount_text(double value, TtsUnit unit);
/// "*" where the best length is the shortest of the grid, "**" the longest, else nothing.
std::string edge_mark(GridEnd end);
/// "to the best energy" or "to 99% of it".
std::string goal_text(double share);
/// "γ = 0.41 [0.33, 0.49]".
std::string exponent_text(const LawFit& fit);

/// Sentences and tables for a terminal.
void print_tts(const TtsAnswer& answer, std::ostream& out);

}  // namespace opoloop
