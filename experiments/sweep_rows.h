#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "driver/sweep_file.h"
#include "experiments/points/point_plan.h"

namespace opoloop {

// Rows of an experiment as the columns of its file and back: a row's members are listed once, in a table.

template <class Row>
struct TextField {
  const char* name;
  std::string Row::* member;
  const char* description;
};

template <class Row>
struct NumberField {
  const char* name;
  const char* units;
  double Row::* member;
  const char* description;
};

template <class Row>
void add_columns(Sweep& sweep, const std::vector<Row>& rows, std::span<const TextField<Row>> texts,
                 std::span<const NumberField<Row>> numbers) {
  for (const TextField<Row>& field : texts) {
    std::vector<std::string> words;
    for (const Row& row : rows) words.push_back(row.*field.member);
    sweep.columns.push_back({field.name, "1", field.description, std::move(words)});
  }
  for (const NumberField<Row>& field : numbers) {
    std::vector<double> values;
    for (const Row& row : rows) values.push_back(row.*field.member);
    sweep.columns.push_back({field.name, field.units, field.description, std::move(values)});
  }
}

/// The columns of a plan whose points are such rows.
template <class Row>
std::vector<PointColumn> point_columns(std::span<const TextField<Row>> texts,
                                       std::span<const NumberField<Row>> numbers) {
  std::vector<PointColumn> columns;
  for (const TextField<Row>& field : texts) columns.push_back({field.name, "1", field.description, true});
  for (const NumberField<Row>& field : numbers)
    columns.push_back({field.name, field.units, field.description, false});
  return columns;
}

/// A row as the values of a point, in the order of point_columns().
template <class Row>
PointValues point_values(const Row& row, std::span<const TextField<Row>> texts,
                         std::span<const NumberField<Row>> numbers) {
  PointValues values;
  for (const TextField<Row>& field : texts) values.emplace_back(row.*field.member);
  for (const NumberField<Row>& field : numbers) values.emplace_back(row.*field.member);
  return values;
}

/// Throws Error where a column is missing or of another type.
template <class Row>
std::vector<Row> rows_of(const Sweep& sweep, std::span<const TextField<Row>> texts,
                         std::span<const NumberField<Row>> numbers) {
  std::vector<Row> rows(sweep.rows());
  for (const TextField<Row>& field : texts) {
    const auto& words = sweep.words(field.name);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*field.member = words.at(i);
  }
  for (const NumberField<Row>& field : numbers) {
    const auto& values = sweep.numbers(field.name);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*field.member = values.at(i);
  }
  return rows;
}

/// read_sweep_file() of this experiment and seed; throws InputError where the file is another's.
inline Sweep read_own_sweep(const std::string& path, const std::string& experiment, std::uint64_t seed) {
  Sweep sweep = read_sweep_file(path);
  if (sweep.experiment != experiment) {
    throw InputError(path + ": a file of experiment '" + sweep.experiment + "', not '" + experiment + "'");
  }
  if (sweep.seed != seed) {
    throw InputError(path + ": was made with --seed " + std::to_string(sweep.seed) + ", not " +
                     std::to_string(seed));
  }
  return sweep;
}

}  // namespace opoloop
