# One static library a folder, opoloop::<folder>; its link list is the arrow it may follow.
function(opoloop_library name)
  cmake_parse_arguments(LIB "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(opoloop_${name} STATIC ${LIB_SOURCES})
  add_library(opoloop::${name} ALIAS opoloop_${name})
  target_include_directories(opoloop_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(opoloop_${name} PUBLIC ${LIB_PUBLIC} PRIVATE ${LIB_PRIVATE})
  opoloop_flags(opoloop_${name})
endfunction()

# Portable by default: no -march=native; vector code is chosen at run time (hamiltonian/kernels).
function(opoloop_flags target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wno-psabi)
  # Products and sums stay separate unless a kernel asks for a fused multiply-add by name,
  # so that a result does not depend on what the optimiser found.
  target_compile_options(${target} PRIVATE -ffp-contract=off)
  if(OPOLOOP_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(OPOLOOP_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  endif()
  if(OPOLOOP_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# Files with vector kernels (Highway). GCC 12 cannot compile Highway's emulated baseline, so on x86-64 they
# start from SSSE3 (every such processor since 2006); AVX2 and AVX-512 are chosen at run time.
function(opoloop_kernels)
  set(options -O3)
  if(OPOLOOP_SANITIZE)
    # Address checks stay; undefined-behaviour checks of thousands of inlined vector operations take minutes to
    # compile and watch nothing but intrinsics.
    set(options -O1 -fno-sanitize=undefined)
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(PREPEND options -mssse3)
  endif()
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${options}")
endfunction()
