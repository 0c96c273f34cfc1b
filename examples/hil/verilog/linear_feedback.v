// Linear measurement feedback in fixed point, as an FPGA computes it:
//
//     injection_i = round( gain * sum_j J_ij x_j / 2^shift )
//
// One pulse a clock in, N multiply-accumulators side by side, one pulse a clock out: what a measurement-feedback
// machine does between two round trips (McMahon et al., Science 354, 614 (2016); Inagaki et al., Science 354,
// 603 (2016)). Halves go to the even neighbour, and what leaves the range of the output converter is held to it,
// as docs/hil.md has it for the wire.
//
// A measurement of n pulses: `start`, then x_0 ... x_{n-1} with `x_valid`; two clocks after the last one,
// y_0 ... y_{n-1} follow with `y_valid`. In all n + n + 3 clocks.
module linear_feedback #(
    parameter N = 128,         // pulses at most
    parameter INDEX_BITS = 7,  // enough for N - 1
    parameter X_BITS = 12,     // sample of a measurement, signed
    parameter J_BITS = 8,      // coupling, signed
    parameter GAIN_BITS = 24,  // gain, unsigned
    parameter Y_BITS = 12      // sample of an answer, signed
) (
    input wire clock,

    // The coupling memory, one entry a clock, before the first round.
    input wire load,
    input wire [INDEX_BITS-1:0] load_row,
    input wire [INDEX_BITS-1:0] load_column,
    input wire signed [J_BITS-1:0] load_value,

    // Constant during a run.
    input wire [INDEX_BITS-1:0] last,  // n - 1
    input wire [GAIN_BITS-1:0] gain,
    input wire negative,               // the gain's sign
    input wire [5:0] shift,            // 1 ... 47

    input wire start,
    input wire x_valid,
    input wire signed [X_BITS-1:0] x,

    output reg y_valid,
    output reg signed [Y_BITS-1:0] y,
    output reg saturated
);
  localparam SUM_BITS = X_BITS + J_BITS + INDEX_BITS;
  localparam PRODUCT_BITS = SUM_BITS + GAIN_BITS + 1;
  localparam signed [PRODUCT_BITS-1:0] LARGEST = (1 << (Y_BITS - 1)) - 1;

  // Column j holds J_0j ... J_{N-1,j}: one wide word a clock feeds all accumulators.
  reg [N*J_BITS-1:0] columns[0:N-1];
  always @(posedge clock) if (load) columns[load_column][load_row*J_BITS+:J_BITS] <= load_value;

  // First clock: fetch the column of this pulse.
  reg [INDEX_BITS-1:0] column;
  reg [N*J_BITS-1:0] word;
  reg signed [X_BITS-1:0] sample;
  reg sample_valid, sample_last;
  always @(posedge clock) begin
    sample_valid <= x_valid && !start;
    sample_last <= x_valid && !start && column == last;
    sample <= x;
    word <= columns[column];
    if (start) column <= 0;
    else if (x_valid) column <= column + 1;
  end

  // Second clock: all sums at once.
  reg signed [SUM_BITS-1:0] sum[0:N-1];
  genvar i;
  generate
    for (i = 0; i < N; i = i + 1) begin : accumulator
      always @(posedge clock) begin
        if (start) sum[i] <= 0;
        else if (sample_valid)
          sum[i] <= sum[i] + SUM_BITS'($signed(word[i*J_BITS+:J_BITS])) * SUM_BITS'(sample);
      end
    end
  endgenerate

  // Then one sum a clock through the one multiplier.
  reg [INDEX_BITS-1:0] row;
  reg draining;
  wire signed [PRODUCT_BITS-1:0] magnitude = PRODUCT_BITS'(sum[row]) * $signed(PRODUCT_BITS'(gain));
  wire signed [PRODUCT_BITS-1:0] product = negative ? -magnitude : magnitude;
  wire signed [PRODUCT_BITS-1:0] floor = product >>> shift;
  wire [PRODUCT_BITS-1:0] rest = product - (floor <<< shift);
  wire [PRODUCT_BITS-1:0] half = PRODUCT_BITS'(1) << (shift - 1);
  wire up = rest > half || (rest == half && floor[0]);
  wire signed [PRODUCT_BITS-1:0] rounded = up ? floor + 1 : floor;
  wire too_large = rounded > LARGEST;
  wire too_small = rounded < -LARGEST;
  always @(posedge clock) begin
    y_valid <= draining && !start;
    saturated <= draining && (too_large || too_small);
    y <= too_large ? Y_BITS'(LARGEST) : too_small ? Y_BITS'(-LARGEST) : Y_BITS'(rounded);
    if (start) begin
      draining <= 0;
      row <= 0;
    end else if (sample_last) begin
      draining <= 1;
    end else if (draining) begin
      row <= row + 1;
      if (row == last) draining <= 0;
    end
  end
endmodule
