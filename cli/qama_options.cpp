#include "cli/qama_options.h"

#include <CLI/CLI.hpp>

#include "cli/number_options.h"

namespace opoloop {

bool QamaInputOptions::any() const {
  return form != "v2" || bits || heads || problem || c_q || c_l || c_m || sparsity || sparsity_target ||
         long_range || scale || divide_by_h;
}

QamaOptions QamaInputOptions::operator_options(int threads) const {
  QamaOptions options;
  options.spec = QamaSpec::published(parse_qama_form(form));
  QamaSpec& spec = options.spec;
  spec.bits = bits.value_or(spec.bits);
  spec.c_q = c_q.value_or(spec.c_q);
  spec.c_l = c_l.value_or(spec.c_l);
  spec.c_m = c_m.value_or(spec.c_m);
  spec.sparsity = sparsity.value_or(spec.sparsity);
  spec.sparsity_target = sparsity_target.value_or(spec.sparsity_target);
  spec.long_range = long_range.value_or(spec.long_range);
  options.scale = scale.value_or(0);
  options.divide_by_h = divide_by_h;
  options.threads = threads;
  return options;
}

QamaBatch QamaInputOptions::open(const std::string& path, int threads) const {
  const QamaOptions options = operator_options(threads);
  options.spec.validate();
  QamaFileOptions reading;
  reading.heads = heads;
  return {read_qama_file(path, reading), options};
}

std::shared_ptr<QamaInputOptions> add_qama_options(CLI::App& verb, const std::string& problem_help) {
  auto options = std::make_shared<QamaInputOptions>();
  QamaInputOptions& o = *options;
  const char* group = "Hamiltonian of attention (docs/qama.md)";
  verb.add_option("--problem", o.problem, problem_help)
      ->type_name("INDEX")
      ->transform(nonnegative_integer(o.problem))
      ->group(group);
  verb.add_option("--form", o.form, "Form of the operator: v2, v1 or gated")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(group);
  verb.add_option("--bits", o.bits, "Bits q of a selection, 1 to 8; 1 where left out, 3 for v1")
      ->type_name("Q")
      ->transform(any_integer(o.bits))
      ->group(group);
  verb.add_option("--heads", o.heads, "Heads H of a layer X, W_q, W_k, W_v whose file does not say")
      ->type_name("H")
      ->transform(any_integer(o.heads))
      ->group(group);
  const auto number = [&](const char* name, std::optional<double>& value, const char* help) {
    verb.add_option(name, value, help)->type_name("VALUE")->transform(any_number())->group(group);
  };
  number("--c-q", o.c_q, "Weight of the interaction; 1 where left out");
  number("--c-l", o.c_l, "Weight of the tokens' importance; 0.16 where left out, 1 for v1");
  number("--c-m", o.c_m, "Weight of the penalty between heads; 0.8 where left out, 2 for v1");
  number("--sparsity", o.sparsity, "Weight of the sparsity term; 0 where left out");
  number("--sparsity-target", o.sparsity_target, "Share of tokens that the sparsity term wants selected");
  number("--long-range", o.long_range, "Weight of the long-range term; 0 where left out");
  number("--scale", o.scale, "Factor s of the scores; (H/d_model)^1/2 for a layer, d^-1/2 for Q, K, V");
  verb.add_flag("--divide-by-h", o.divide_by_h, "v1: the published division of the read-out")->group(group);
  return options;
}

}  // namespace opoloop
