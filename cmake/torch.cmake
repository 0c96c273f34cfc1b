# LibTorch is optional: attention/torch registers the QAMA operator with it, for C++ and Python.
#   AUTO  built where LibTorch is found, and said to be absent where it is not
#   ON    configuring fails where it is not found
#   OFF   not looked for
# The presets dev and fuzz leave it out: an interpreter cannot load a library with a sanitizer's runtime unless
# that was loaded before it, and LibTorch itself is not instrumented. scripts/quickstart builds
# the command alone, not this.
# Debian: libtorch-dev and python3-torch (scripts/packages, group torch). Another installation, one from pip for
# instance: -DTorch_DIR=$(python -c 'import torch; print(torch.utils.cmake_prefix_path)')/Torch and
# -DOPOLOOP_PYTHON=<that python>.
set(OPOLOOP_TORCH AUTO CACHE STRING "LibTorch operator and Python module: AUTO, ON or OFF")
set_property(CACHE OPOLOOP_TORCH PROPERTY STRINGS AUTO ON OFF)

set(opoloop_torch_status "off (OPOLOOP_TORCH=OFF)")
set(opoloop_has_torch FALSE)
if(OPOLOOP_TORCH STREQUAL "OFF")
  return()
endif()

# Debian's interpreter first: another python3 on the PATH would not find Debian's torch.
find_program(OPOLOOP_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH DOC "the interpreter that has torch")
find_program(OPOLOOP_PYTHON python3)

find_package(Torch QUIET)
if(NOT Torch_FOUND)
  set(opoloop_torch_status "absent (no LibTorch found; Debian: libtorch-dev python3-torch)")
elseif(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
  # Every string would differ between it and the rest of this program.
  set(opoloop_torch_status "absent (LibTorch ${Torch_VERSION} was built with the C++ library's old ABI)")
else()
  set(opoloop_has_torch TRUE)
  set(opoloop_torch_status "LibTorch ${Torch_VERSION}, ${OPOLOOP_PYTHON}")
endif()
if(OPOLOOP_TORCH STREQUAL "ON" AND NOT opoloop_has_torch)
  message(FATAL_ERROR "OPOLOOP_TORCH=ON: ${opoloop_torch_status}")
endif()
