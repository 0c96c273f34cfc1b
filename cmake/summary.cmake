message(STATUS "opoloop ${PROJECT_VERSION}: build type ${CMAKE_BUILD_TYPE}, tests ${OPOLOOP_TESTS}, bench ${OPOLOOP_BENCH}, sanitizers ${OPOLOOP_SANITIZE}")
message(STATUS "  HDF5 ${HDF5_VERSION}, Boost ${Boost_VERSION}, Eigen ${Eigen3_VERSION}, Highway ${HWY_VERSION}")
message(STATUS "  attention/torch: ${opoloop_torch_status}")
message(STATUS "  examples/hil/verilog: ${opoloop_verilog_status}")
