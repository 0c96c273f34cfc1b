# Every header compiles on its own: one translation unit a header that includes it twice and nothing else.
# Globbed on purpose: a list would forget the header somebody adds tomorrow.
# *-inl.h are Highway's, compiled once per instruction set from inside a kernel file; they cannot stand alone.
set(opoloop_header_units)
foreach(folder core hamiltonian cim_model driver attention experiments cli)
  file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.h)
  foreach(header ${headers})
    if(header MATCHES "-inl\\.h$" OR (header MATCHES "/torch/" AND NOT opoloop_has_torch))
      continue()
    endif()
    string(REPLACE ".h" ".cpp" unit ${header})
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${unit})
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n#include \"${header}\"  // once is enough\n")
    list(APPEND opoloop_header_units ${unit})
  endforeach()
endforeach()

# Built by .ci/run and by name, not with everything: it doubles nobody's build.
add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${opoloop_header_units})
target_include_directories(check_headers PRIVATE ${PROJECT_SOURCE_DIR} ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(check_headers PRIVATE opoloop::attention opoloop::cli PkgConfig::HWY Eigen3::Eigen ZLIB::ZLIB Boost::headers
  nlohmann_json::nlohmann_json CLI11::CLI11)
if(opoloop_has_torch)
  target_link_libraries(check_headers PRIVATE ${TORCH_LIBRARIES})
endif()
opoloop_flags(check_headers)
