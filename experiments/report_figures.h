#pragma once

#include "driver/run_file.h"
#include "experiments/figure.h"

namespace opoloop {

Figure energy_figure(const RunFileContents& contents);
Figure amplitude_figure(const RunFileContents& contents);
Figure histogram_figure(const RunFileContents& contents);

}  // namespace opoloop
