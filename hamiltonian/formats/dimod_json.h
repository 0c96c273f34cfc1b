#pragma once

#include <string>
#include <string_view>

#include "hamiltonian/formats/read_context.h"

namespace opoloop {

/// The JSON of dimod's BinaryQuadraticModel.to_serializable(use_bytes=False), bqm_schema 3.x: linear_biases
/// by position, quadratic_biases with quadratic_head and quadratic_tail (positions), offset, variable_type
/// SPIN or BINARY. Variable labels are read for their number only: spin i is the i-th variable.
Problem read_dimod_json(std::string_view text, const ReadContext& context);

/// BINARY for a QUBO, SPIN otherwise; labels 0 … n−1.
std::string write_dimod_json(const Problem& problem);

}  // namespace opoloop
