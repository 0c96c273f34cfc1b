#include "experiments/points/point_share.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <optional>

#include <fmt/format.h>

#include "core/error.h"

namespace opoloop {
namespace {

/// Steps of Slurm that are none of srun's: the batch script, an interactive shell, … (slurm.h, SLURM_*_STEP).
constexpr std::uint64_t kLastOrdinaryStep = 0xfffffff0;

std::optional<std::uint64_t> number_in(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  bool has(const char* name) const {
    const char* text = environment_(name);
    return text != nullptr && *text != '\0';
  }
  /// Throws InputError where it is there but no number.
  std::optional<std::uint64_t> number(const char* name) const {
    if (!has(name)) return std::nullopt;
    const std::string text = environment_(name);
    const auto value = number_in(text);
    if (!value) throw InputError(fmt::format("{} = '{}': expected a whole number", name, text));
    return value;
  }
  std::uint64_t number_or(const char* name, std::uint64_t otherwise) const {
    return number(name).value_or(otherwise);
  }

 private:
  const Environment& environment_;
};

int small(std::uint64_t value) {
  return static_cast<int>(std::clamp<std::uint64_t>(value, 1, 1U << 20));
}

bool take(PointShare& share, const Variables& variables, const char* rank, const char* size,
          const char* source) {
  const auto r = variables.number(rank);
  const auto s = variables.number(size);
  if (!r || !s) return false;
  if (*r >= *s) throw InputError(fmt::format("{} = {} and {} = {}: no such rank", rank, *r, size, *s));
  share.rank = *r;
  share.size = *s;
  share.source = source;
  return true;
}

/// True where Slurm started this process, or one it descends from, as a batch script: a job submitted from
/// within a step inherits all variables of that step, and only the title of the process that runs it,
/// "slurmstepd: [7.batch]", tells. Where it cannot be seen (a container) nothing is known: false.
bool is_batch_script(const Variables& variables) {
  const auto task = variables.number("SLURM_TASK_PID");
  if (!task) return false;
  std::ifstream status(fmt::format("/proc/{}/status", *task));
  std::string word;
  while (status >> word && word != "PPid:") {
  }
  std::uint64_t parent = 0;
  if (!(status >> parent)) return false;
  std::ifstream title_file(fmt::format("/proc/{}/cmdline", parent), std::ios::binary);
  std::string title;
  std::getline(title_file, title, '\0');
  return title.starts_with("slurmstepd: [") && title.find(".batch]") != std::string::npos;
}

bool is_task_of_srun(const Variables& variables) {
  return variables.has("SLURM_PROCID") && variables.has("SLURM_STEP_NUM_TASKS") &&
         variables.number_or("SLURM_STEP_ID", kLastOrdinaryStep) < kLastOrdinaryStep &&
         !is_batch_script(variables);
}

PointShare launched_share(const Variables& variables) {
  PointShare share;
  if (take(share, variables, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "Open MPI")) {
    share.on_this_computer = small(variables.number_or("OMPI_COMM_WORLD_LOCAL_SIZE", share.size));
  } else if (take(share, variables, "PMI_RANK", "PMI_SIZE", "PMI")) {
    share.on_this_computer = small(variables.number_or("MPI_LOCALNRANKS", share.size));
  } else if (is_task_of_srun(variables)) {
    take(share, variables, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "Slurm");
    // "2(x3),1": tasks of each node; which of them is ours does not matter, they hardly differ.
    const std::uint64_t nodes = std::max<std::uint64_t>(1, variables.number_or("SLURM_STEP_NUM_NODES", 1));
    share.on_this_computer = small((share.size + nodes - 1) / nodes);
    share.cores =
        static_cast<int>(std::min<std::uint64_t>(variables.number_or("SLURM_CPUS_PER_TASK", 0), 1U << 20));
  } else if (variables.has("PMIX_RANK")) {
    throw InputError(
        "PMIX_RANK is set, but no variable says how many ranks there are: give --array I/N, or --array 1/1 "
        "for all points");
  } else if (variables.number_or("SLURM_NTASKS", 1) > 1) {
    share.note =
        fmt::format("takes all points: not started by srun or mpirun, though the Slurm job has {} tasks",
                    variables.number_or("SLURM_NTASKS", 1));
  }
  return share;
}

PointShare array_share(const std::string& array) {
  const std::size_t slash = array.find('/');
  const std::uint64_t at = number_in(array.substr(0, slash)).value_or(0);
  const std::uint64_t of = slash == std::string::npos ? 0 : number_in(array.substr(slash + 1)).value_or(0);
  if (at < 1 || at > of) {
    throw InputError(
        fmt::format("--array '{}': expected I/N with I from 1 to N, such as 3/10, or slurm", array));
  }
  PointShare share;
  share.rank = at - 1;
  share.size = of;
  share.source = "--array " + array;
  return share;
}

PointShare slurm_array_share(const Variables& variables) {
  const auto id = variables.number("SLURM_ARRAY_TASK_ID");
  const auto first = variables.number("SLURM_ARRAY_TASK_MIN");
  const auto count = variables.number("SLURM_ARRAY_TASK_COUNT");
  if (!id || !first || !count) {
    throw InputError(
        "--array slurm: not in a job array (no SLURM_ARRAY_TASK_ID): submit with sbatch --array=1-N");
  }
  const std::uint64_t last = variables.number_or("SLURM_ARRAY_TASK_MAX", *first + *count - 1);
  // Even steps from the first to the last id, or else a list such as 1,2,7 whose order nobody tells.
  const std::uint64_t step = *count > 1 ? (last - *first) / (*count - 1) : 1;
  if (*count < 1 || *id < *first || *id > last || step < 1 || *first + step * (*count - 1) != last ||
      (*id - *first) % step != 0) {
    throw InputError(
        fmt::format("--array slurm: the {} ids from {} to {} of this job array are not evenly spaced: submit "
                    "with sbatch --array=1-{}, or give --array I/N",
                    *count, *first, last, *count));
  }
  const std::uint64_t at = (*id - *first) / step;
  PointShare share = launched_share(variables);
  share.source =
      fmt::format("Slurm array task {}, {} of {}{}", *id, at + 1, *count, share.size > 1 ? ", and rank" : "");
  share.note.clear();
  share.rank += at * share.size;
  share.size *= *count;
  share.cores =
      static_cast<int>(std::min<std::uint64_t>(variables.number_or("SLURM_CPUS_PER_TASK", 0), 1U << 20));
  return share;
}

/// A well-mixed function of x (splitmix64: Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

bool PointShare::holds(std::uint64_t index) const {
  const std::uint64_t turn = mixed(mixed(size) ^ (index / size)) % size;
  return (index % size + turn) % size == rank;
}

int PointShare::default_threads(int available) const {
  if (cores > 0) return std::min(cores, std::max(1, available));
  return std::max(1, available / std::max(1, on_this_computer));
}

PointShare point_share(const std::string& array, const Environment& environment) {
  const Variables variables(environment);
  if (array.empty()) return launched_share(variables);
  return array == "slurm" ? slurm_array_share(variables) : array_share(array);
}

PointShare point_share(const std::string& array) {
  return point_share(array, [](const char* name) -> const char* { return std::getenv(name); });
}

}  // namespace opoloop
