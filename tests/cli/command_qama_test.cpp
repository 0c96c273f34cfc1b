// opoloop qama solve, inspect, export, and opoloop spectrum on attention inputs: files, energies, refusals.

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "attention/qama_batch.h"
#include "cli/qama_summary.h"
#include "core/error.h"
#include "driver/problem_io.h"
#include "hamiltonian/brute_force.h"
#include "hamiltonian/formats/file_bytes.h"
#include "hamiltonian/formats/npz.h"
#include "tests/attention/qama_samples.h"
#include "tests/cli/command_fixture.h"
#include "tests/driver/failing_device.h"

using namespace opoloop;
using namespace opoloop::testing;
using Catch::Matchers::Contains;
using nlohmann::json;
using test::call;
using test::TemporaryFolder;

namespace {

std::string heads_file(const TemporaryFolder& folder, const std::string& name, const QamaCase& c) {
  return folder.file(name, archive_of(members_of(c)));
}

QamaBatch batch_of(const std::string& path) {
  return {read_qama_file(path), {}};
}

}  // namespace

TEST_CASE("qama solve answers a batch and writes it down") {
  const TemporaryFolder folder;
  const auto input = heads_file(folder, "in.npz", random_case(3, 2, 4, 4, false, 41));
  const auto ran = call({"qama", "solve", "--input", input, "--device", "exact:", "--out", folder / "run.h5",
                         "--npz", folder / "out.npz", "--json"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const json j = json::parse(ran.out);
  CHECK(j["solved"] == 3);
  CHECK(j["failure"].is_null());
  const QamaBatch batch = batch_of(input);
  const std::string bytes = read_file_bytes(folder / "out.npz", 1 << 20);
  ZipArchive archive(bytes, "out.npz", 1 << 20);
  CHECK(archive.names() ==
        std::vector<std::string>{"J.npy", "answered.npy", "energy.npy", "h.npy", "output.npy", "x.npy"});
  const NpzMember energy(archive, "energy", "out.npz"), x(archive, "x", "out.npz"),
      output(archive, "output", "out.npz"), J(archive, "J", "out.npz"), h(archive, "h", "out.npz");
  CHECK(x.array().shape == std::vector<std::int64_t>{3, 2, 4});
  CHECK(output.array().shape == std::vector<std::int64_t>{3, 4, 8});
  CHECK(J.array().shape == std::vector<std::int64_t>{3, 2, 4, 4});
  CHECK(h.array().shape == std::vector<std::int64_t>{3, 2, 4});
  for (int b = 0; b < 3; ++b) {
    const auto at_b = static_cast<std::size_t>(b);
    const double ground = brute_force(batch.problem(b).ising).energy;
    CHECK(energy.array().numbers()[at_b] == Approx(ground));
    CHECK(j["problems"][at_b]["best_energy"] == Approx(ground));
    CHECK(j["problems"][at_b]["selected"].size() == 2);
  }
  for (const char* stage : {"reading", "scores", "solving", "read_out"}) CHECK(j["time_s"][stage] >= 0);

  const auto checked = call({"check", folder / "run.h5"});
  CHECK(checked.code == 0);
  CHECK(checked.out_has("valid and complete"));
  const auto report = call({"report", folder / "run.h5"});
  CHECK(report.code == 2);
  CHECK(report.one_error_line());
  CHECK(report.err_has("qama inspect"));

  const auto text = call({"qama", "solve", "--input", input, "--runs", "2", "--steps", "50"});
  REQUIRE(text.code == 0);
  for (const char* part :
       {"in.npz: 3 problems", "form v2", "3 problems of 3", "tokens selected", "read-out"}) {
    CAPTURE(part);
    CHECK(text.out_has(part));
  }
  const auto quiet =
      call({"qama", "solve", "--input", input, "--quiet", "--problem", "1", "--npz", folder / "one.npz"});
  CHECK(quiet.code == 0);
  CHECK(quiet.out.empty());
  const std::string one_bytes = read_file_bytes(folder / "one.npz", 1 << 20);
  ZipArchive one(one_bytes, "one.npz", 1 << 20);
  CHECK(NpzMember(one, "answered", "one.npz").array().numbers() == std::vector<double>{0, 1, 0});
}

TEST_CASE("numpy and h5py read what qama solve writes, and agree with the formulas") {
  if (std::system("/usr/bin/python3 -c 'import h5py, numpy' >/dev/null 2>&1") != 0) {
    WARN("skipped: /usr/bin/python3 has no h5py");
    return;
  }
  const TemporaryFolder folder;
  // The input is Python's too, in Fortran order and double, with a mask; the check is written from the paper.
  const auto script = folder.file("check.py", R"(import sys, numpy as np, h5py
folder = sys.argv[1]
B, H, N, d, q = 3, 2, 5, 4, 2
if sys.argv[2] == "make":
    r = np.random.default_rng(5)
    Q, K, V = (np.asfortranarray(r.standard_normal((B, H, N, d))) for _ in range(3))
    mask = np.zeros((B, N), bool); mask[1, 3:] = True
    np.savez_compressed(folder + "/in.npz", Q=Q, K=K, V=V, u=r.standard_normal(d), mask=mask)
    sys.exit()
f = np.load(folder + "/in.npz"); o = np.load(folder + "/out.npz"); live = ~f["mask"]
assert o["x"].shape == (B, H, N, q) and o["x"].dtype == np.int8
S = np.einsum("bhid,bhjd->bhij", f["Q"], f["K"]) / np.sqrt(d)
J = (S + S.swapaxes(2, 3)) / 2 * (1 - np.eye(N))
h = (f["V"] * f["u"]).mean(-1)
pair = live[:, None, :, None] & live[:, None, None, :]
assert np.allclose(np.where(pair, o["J"] - J, 0), 0, atol=1e-5)
assert np.allclose(np.where(live[:, None], o["h"] - h, 0), 0, atol=1e-5)
a = (o["x"] * 2 ** np.arange(q)).sum(-1) / (2 ** q - 1)
assert not a[:, 0][~live].any() and not a[:, 1][~live].any()
n = live.sum(1)
x = o["x"].astype(float)
E = -np.einsum("bhij,bhi,bhj->b", J, a, a) - 0.16 * n * (h * a).sum((1, 2))
E += 0.4 * np.sqrt(2 / np.pi) * n / (H - 1) * 2 * (x[:, 0] * x[:, 1]).sum((1, 2))
assert np.allclose(E, o["energy"], atol=1e-4), (E, o["energy"])
e = -(np.einsum("bhij,bhi,bhj->bhi", J, a, a) + h * a)
want = (e[..., None] * f["u"]).transpose(0, 2, 1, 3).reshape(B, N, H * d)
assert np.allclose(o["output"], want, atol=1e-4)
assert o["answered"].all() and o["answered"].dtype == bool
with h5py.File(folder + "/run.h5") as run:
    g = run["qama"]
    assert run.attrs["schema"] == "opoloop-qama" and run.attrs["complete"] == 1
    for name in ("x", "energy", "output", "J", "h"):
        assert np.array_equal(g[name][()], o[name]), name
        assert "units" in g[name].attrs
    assert np.array_equal(g["mask"][()] != 0, f["mask"]) and g.attrs["c_l"] == 0.16 and g.attrs["bits"] == q
)");
  const std::string run = "/usr/bin/python3 " + script + " " + folder / "";
  REQUIRE(std::system((run + " make").c_str()) == 0);
  const auto ran = call({"qama", "solve", "--input", folder / "in.npz", "--bits", "2", "--device",
                         "exact:", "--npz", folder / "out.npz", "--out", folder / "run.h5"});
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(std::system((run + " check").c_str()) == 0);
}

TEST_CASE("a failure half-way is one line, and what was done is kept") {
  const TemporaryFolder folder;
  const auto input = heads_file(folder, "in.npz", random_case(4, 1, 3, 4, false, 42));
  const QamaBatch batch = batch_of(input);
  test::FailingDevice device;
  JobSettings settings;
  const QamaSolution solution = batch.solve(device, settings);
  const QamaOutcome outcome{batch, solution, settings, device.uri(), {}, 0, folder / "run.h5", {}};
  const std::string line = qama_failure(outcome);
  CHECK_THAT(line, Contains("after 2 of 4") && Contains("connection lost") && Contains("not solved: 2, 3") &&
                       Contains("run.h5"));
  CHECK(line.find('\n') == std::string::npos);
  const json j = json::parse(qama_json(outcome));
  CHECK(j["solved"] == 2);
  CHECK(j["problems"][1]["best_energy"].is_number());
  CHECK(j["problems"][2]["best_energy"].is_null());
  CHECK_THAT(qama_text(outcome), Contains("2 problems of 4"));
}

TEST_CASE("qama export writes problems that read back to the same energies") {
  const TemporaryFolder folder;
  const auto input = heads_file(folder, "in.npz", random_case(2, 2, 3, 4, false, 43));
  const IsingModel problem = batch_of(input).problem(1).ising;
  REQUIRE(problem.offset() != 0);
  struct Format {
    const char* file;
    bool ancilla, offset;
  };
  for (const Format& format : std::vector<Format>{{"p.sparse", false, true},
                                                  {"p.coo", false, true},
                                                  {"p.json", false, true},
                                                  {"p.npz", false, true},
                                                  {"p.h5", false, true},
                                                  {"p.rud", true, false},
                                                  {"p.mtx", true, false},
                                                  {"p.csv", true, false},
                                                  {"p.npy", true, false}}) {
    CAPTURE(format.file);
    const auto ran =
        call({"qama", "export", "--input", input, "--problem", "1", "--output", folder / format.file});
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    CHECK(ran.out_has("in.npz[1]"));
    CHECK(ran.out_has(format.offset ? "constant included" : "no constant"));
    CHECK(ran.out_has("no linear term") == format.ancilla);
    LoadOptions options;
    options.kaiwu_last_is_ancilla = true;
    const IsingModel back = open_problem(folder / format.file, options).ising;
    const bool wide = back.size() == problem.size() + 1;
    CHECK(wide == (format.ancilla && std::string(format.file) != "p.csv"));
    for (unsigned state = 0; state < 1U << 6U; ++state) {
      std::vector<std::int8_t> spins;
      for (unsigned i = 0; i < 6; ++i) spins.push_back((state >> i & 1U) != 0 ? 1 : -1);
      const double want = problem.energy(spins) - (format.offset ? 0 : problem.offset());
      if (wide) spins.push_back(1);
      CHECK(back.energy(spins) == Approx(want).epsilon(1e-12).margin(1e-12));
    }
  }
  const auto plain = call({"qama", "export", "--input", input, "--output", folder / "zero.npz"});
  CHECK(plain.out_has("in.npz[0]"));
}

TEST_CASE("qama inspect shows one problem in full, a batch as a table, JSON and a page") {
  const TemporaryFolder folder;
  const auto input = heads_file(folder, "in.npz", random_case(3, 2, 4, 4, false, 44));
  const auto one = call({"qama", "inspect", "--input", input, "--problem", "2", "--device",
                         "exact:", "--report", folder / "page.html"});
  INFO(one.err);
  REQUIRE(one.code == 0);
  for (const char* part : {"in.npz[2]", "survive 8 bits", "ground state", "histogram of J", "greedy",
                           "sign of its own field", "split over", "16 bits"}) {
    CAPTURE(part);
    if (std::string(part) != "greedy") CHECK(one.out_has(part));
  }
  CHECK_THAT(read_file_bytes(folder / "page.html", 1 << 24), Contains("<h1>in.npz</h1>"));
  const auto all = call({"qama", "inspect", "--input", input, "--device", "exact:"});
  CHECK(all.out_has("Every problem"));
  const auto as_json =
      call({"qama", "inspect", "--input", input, "--device", "exact:", "--machine-bits", "4", "--json"});
  REQUIRE(as_json.code == 0);
  const json j = json::parse(as_json.out);
  REQUIRE(j["problems"].size() == 3);
  CHECK(j["problems"][1]["quantisation"].size() == 13);
  CHECK(j["problems"][1]["best_energy"] == Approx(brute_force(batch_of(input).problem(1).ising).energy));
}

TEST_CASE("other verbs know inputs of attention") {
  const TemporaryFolder folder;
  const auto input = heads_file(folder, "in.npz", random_case(2, 2, 3, 4, false, 45));
  const auto spectrum =
      call({"spectrum", input, "--problem", "1", "--only", "quantum", "--points", "5", "--json"});
  INFO(spectrum.err);
  REQUIRE(spectrum.code == 0);
  const json gaps = json::parse(spectrum.out);
  CHECK(gaps["n"] == 6);
  // The same problem as a file has the same gap.
  REQUIRE(call({"qama", "export", "--input", input, "--problem", "1", "--output", folder / "p.json"}).code ==
          0);
  const auto again = call({"spectrum", folder / "p.json", "--only", "quantum", "--points", "5", "--json"});
  CHECK(json::parse(again.out)["quantum"]["gap_min"].get<double>() ==
        Approx(gaps["quantum"]["gap_min"].get<double>()).epsilon(1e-9));
  const auto info = call({"info", input});
  CHECK(info.code == 2);
  CHECK(info.one_error_line());
  CHECK(info.err_has("opoloop qama inspect"));
  const auto misplaced = call({"spectrum", folder / "p.json", "--problem", "1"});
  CHECK(misplaced.code == 2);
  CHECK(misplaced.one_error_line());
  CHECK(call({"spectrum", input, "--problem", "2"}).err_has("problems 0 to 1"));
}

TEST_CASE("qama refuses in one line and writes nothing") {
  const TemporaryFolder folder;
  const auto input = heads_file(folder, "in.npz", random_case(2, 2, 3, 4, false, 46));
  const auto wide = heads_file(folder, "wide.npz", random_case(1, 1, 30, 4, false, 46));
  QamaCase nan = random_case(1, 1, 3, 4, false, 46);
  nan.V[2] = std::numeric_limits<float>::quiet_NaN();
  const auto bad = heads_file(folder, "nan.npz", nan);
  const auto text = folder.file("text.npz", "3 1\n1 2 1\n");
  const auto files = folder.names().size();
  const std::string out = folder / "run.h5", npz = folder / "out.npz";
  struct Case {
    std::vector<std::string> arguments;
    std::string said;
  };
  const std::vector<Case> cases = {
      {{"qama"}, "solve, inspect, export"},
      {{"qama", "sovle"}, "sovle"},
      {{"qama", "solve"}, "--input"},
      {{"qama", "solve", "--input", folder / "none.npz"}, "none.npz"},
      {{"qama", "solve", "--input", text, "--out", out}, "not an .npz archive"},
      {{"qama", "solve", "--input", bad, "--out", out}, "(V)"},
      {{"qama", "solve", "--input", wide, "--device", "exact:", "--out", out}, "30 are needed"},
      {{"qama", "solve", "--input", input, "--out", folder / "no/run.h5"}, "does not exist"},
      {{"qama", "solve", "--input", input, "--problem", "2", "--npz", npz}, "no problem 2"},
      {{"qama", "solve", "--input", input, "--form", "v3"}, "v3"},
      {{"qama", "solve", "--input", input, "--bits", "9", "--out", out}, "bits"},
      {{"qama", "solve", "--input", input, "--heads", "3"}, "--heads says 3"},
      {{"qama", "solve", "--input", input, "--scale", "-1"}, "scale"},
      {{"qama", "solve", "--input", input, "--device", "oracle:"}, "oracle"},
      {{"qama", "solve", "--input", input, "--threads", "0"}, "--threads"},
      {{"qama", "solve", "--input", input, "extra"}, "extra"},
      {{"qama", "inspect", "--input", input, "--machine-bits", "1"}, "2 to 24"},
      {{"qama", "inspect", "--input", input, "--problem", "-1"}, "--problem"},
      {{"qama", "inspect", "--input", wide, "--device", "exact:"}, "24"},
      {{"qama", "export", "--input", input}, "--output"},
      {{"qama", "export", "--input", input, "--output", folder / "p.xyz"}, "--to"},
      {{"qama", "export", "--input", input, "--output", folder / "p.qplib"}, "qplib"},
      {{"qama", "export", "--input", input, "--problem", "7", "--output", folder / "p.npz"}, "no problem 7"},
  };
  for (const Case& c : cases) {
    const auto ran = call(c.arguments);
    CAPTURE(c.arguments, ran.err, ran.out);
    CHECK(ran.code == 2);
    CHECK(ran.one_error_line());
    CHECK(ran.err_has(c.said));
    CHECK(ran.out.empty());
  }
  CHECK(folder.names().size() == files);
}
