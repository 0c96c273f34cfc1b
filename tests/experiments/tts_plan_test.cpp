// The points of a study: which there are, that they do not depend on who measures them, and what is refused.

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "core/error.h"
#include "core/threads.h"
#include "experiments/tts/tts_plan.h"
#include "tests/driver/temporary_folder.h"

using namespace opoloop;

namespace {

TtsStudy small_study() {
  TtsEnsemble ensemble;
  ensemble.families = {"sk"};
  ensemble.spins = {12, 30};
  ensemble.instances = 2;
  TtsStudy study;
  study.instances = tts_instances(ensemble);
  study.devices = {{"default", "emulator:"}, {"dsb", "dsb:"}};
  study.lengths = {8, 32};
  study.runs = 16;
  study.reference_runs = 16;
  return study;
}

/// Everything of a row but its seconds.
std::string text_of(const TtsRow& row) {
  return row.group + "|" + row.instance + "|" + row.device + "|" + row.role + "|" +
         std::to_string(row.length) + "|" + std::to_string(row.trials) + "|" + row.energies + "|" +
         row.source;
}

std::vector<std::string> measure_all(const TtsPlan& plan, int threads) {
  std::vector<std::string> rows(plan.size());
  parallel_for(static_cast<std::int64_t>(plan.size()), threads, [&](std::int64_t k) {
    PointContext context;
    context.threads = threads;
    rows[static_cast<std::size_t>(k)] =
        text_of(tts_row(plan.measure(static_cast<std::uint64_t>(k), context).value()));
  });
  return rows;
}

bool refused(const std::function<void()>& what, const std::string& part) {
  try {
    what();
  } catch (const InputError& error) {
    INFO(error.what());
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    CHECK(std::string(error.what()).find(part) != std::string::npos);
    return true;
  }
  return false;
}

}  // namespace

TEST_CASE(
    "tts plan: instance by device by length, references first, and results that nobody's order changes") {
  const TtsPlan plan(small_study());
  // Of 12 spins one reference, which enumerates; of 30 three; then 2 devices by 2 lengths.
  REQUIRE(plan.size() == 2 * (1 + 4) + 2 * (3 + 4));
  CHECK(plan.name(0) == "SK N=12 #0, exact:, reference");
  CHECK(plan.name(1) == "SK N=12 #0, default, T=8");
  CHECK(plan.name(plan.size() - 1) == "SK N=30 #1, dsb, T=32");
  CHECK_THROWS_AS(plan.name(plan.size()), Error);

  const auto alone = measure_all(plan, 1);
  CHECK(measure_all(plan, 3) == alone);

  // A point is the same in another study that has it: of another size and other devices.
  TtsStudy other = small_study();
  other.instances.erase(other.instances.begin(), other.instances.end() - 1);
  other.devices = {{"dsb", "dsb:"}};
  const TtsPlan fewer(other);
  const PointContext context;
  CHECK(text_of(tts_row(fewer.measure(fewer.size() - 1, context).value())) == alone.back());
  CHECK(fewer.description() != plan.description());
}

TEST_CASE("tts plan: rows survive their columns, and the enumerated energy is the least") {
  const TtsPlan plan(small_study());
  const PointContext context;
  const TtsRow reference = tts_row(plan.measure(0, context).value());
  CHECK(reference.role == kRoleReference);
  CHECK(std::isnan(reference.length));
  const EnergyCounts exact = parse_energies(reference.energies);
  REQUIRE(exact.size() == 1);
  for (std::uint64_t k = 1; k < 5; ++k) {
    const PointValues values = plan.measure(k, context).value();
    REQUIRE(values.size() == plan.columns().size());
    const TtsRow row = tts_row(values);
    const EnergyCounts counts = parse_energies(row.energies);
    double runs = 0;
    for (const auto& [energy, number] : counts) {
      CHECK(energy >= exact[0].first);
      runs += number;
    }
    CHECK(runs == 16);
    CHECK(row.products_per_step == 1);
    CHECK(row.zero_energy == 0);
    CHECK(row.term == 1);
  }
  PointValues wrong = plan.measure(1, context).value();
  wrong.pop_back();
  CHECK_THROWS_AS(tts_row(wrong), InputError);
  PointContext stopped;
  stopped.stop = [] { return true; };
  CHECK_FALSE(plan.measure(1, stopped));
}

TEST_CASE("tts plan: files of a folder with the same size are a class; bad input is refused in a line") {
  const opoloop::test::TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    return folder.file(name, text);
  };
  TtsEnsemble ensemble;
  ensemble.files = {write("a.txt", "3 2\n1 2 1\n2 3 1\n"), write("b.txt", "4 2\n1 2 1\n3 4 1\n"),
                    write("c.txt", "3 1\n1 3 1\n")};
  ensemble.generators = {"regular:n=10,d=3"};
  ensemble.instances = 2;
  const auto all = tts_instances(ensemble);
  REQUIRE(all.size() == 5);
  const std::string name = std::filesystem::path(folder.path()).filename().string();
  CHECK(all[0].group == name + " N=3");
  CHECK(all[1].group == name + " N=3");
  CHECK(all[1].name == "c.txt");
  CHECK(all[2].group == name + " N=4");
  CHECK(all[3].group == "regular:n=10,d=3");
  CHECK(all[4].spins == 10);
  CHECK(open_instance(all[3])->source != open_instance(all[4])->source);

  const auto with = [&](auto&& change) {
    return [&ensemble, change] {
      TtsEnsemble wrong = ensemble;
      change(wrong);
      tts_instances(wrong);
    };
  };
  CHECK(refused(with([](TtsEnsemble& e) { e.families = {"sk2"}; }), "--only sk2: must be one of sk, sk1"));
  CHECK(refused(with([](TtsEnsemble& e) { e.generators = {"regular"}; }), "expected FAMILY:option=value"));
  CHECK(refused(with([](TtsEnsemble& e) { e.generators = {"regular:n"}; }), "'n': expected option=value"));
  CHECK(refused(with([](TtsEnsemble& e) { e.generators = {"regular:n=8,n=9"}; }), "'n' is given twice"));
  CHECK(refused(with([](TtsEnsemble& e) { e.generators = {"regular:n=8,d=3,seed=1"}; }), "seeds are set by"));
  CHECK(refused(with([](TtsEnsemble& e) { e.generators = {"regular:n=8,q=3"}; }), "no option 'q'"));
  CHECK(refused(with([](TtsEnsemble& e) { e.files.push_back(e.files[0]); }), "is given twice"));
  CHECK(refused(with([](TtsEnsemble& e) { e.files.push_back("nowhere.txt"); }), "nowhere.txt"));
  CHECK(refused(
      [] {
        TtsEnsemble e;
        e.families = {"sk"};
        e.spins = {3};
        tts_instances(e);
      },
      "--spins 3: must lie in 4"));

  CHECK(parse_lengths("5:40") == std::vector<std::int64_t>{5, 10, 20, 40});
  CHECK(parse_lengths("10:95:3") == std::vector<std::int64_t>{10, 30, 90});
  CHECK(parse_lengths("30,10,30") == std::vector<std::int64_t>{10, 30});
  for (const char* text : {"", "0", "a", "5:", "9:5", "1:2:3:4", "1:9:1", "1:9:x", "1,,2", "1.5"}) {
    INFO(text);
    CHECK(refused([&] { parse_lengths(text); }, "--lengths"));
  }
  CHECK(parse_tts_device("fast=emulator:?law=cac").name == "fast");
  CHECK(parse_tts_device("fast=emulator:?law=cac").uri == "emulator:?law=cac");
  CHECK(parse_tts_device("emulator:?law=cac").name == "emulator:?law=cac");
  CHECK(refused([] { parse_tts_device("=dsb:"); }, "expected NAME=URI"));
  CHECK(refused([] { parse_tts_device("nothing:"); }, "nothing"));
  TtsStudy twice = small_study();
  twice.devices.push_back(twice.devices[0]);
  CHECK(refused([&] { TtsPlan{twice}; }, "--device default: is given twice"));
}

TEST_CASE("tts plan: energies as text read back exactly, and bad text is quoted") {
  std::vector<Sample> samples(4);
  samples[0].energy_best = -0.1;
  samples[1].energy_best = -1.0 / 3;
  samples[2].energy_best = -0.1;
  samples[3].energy_best = -5;
  samples[3].diverged = true;
  const EnergyCounts counts = parse_energies(energies_text(samples));
  CHECK(counts == EnergyCounts{{-1.0 / 3, 1}, {-0.1, 2}});
  CHECK(parse_energies("").empty());
  for (const char* text :
       {"1", "1*", "*2", "1*2;;", "1*2;3", "x*2", "1*0", "1*1.5", "1*-2", "nan*1", "1*2*3"}) {
    INFO(text);
    CHECK(refused([&] { parse_energies(text); }, "energies '"));
  }
}
