#include "driver/device.h"
