# The Verilog module of examples/hil as a controller, through Verilator: optional, and only a test needs it.
# Not under sanitizers, which would watch generated code.
set(opoloop_verilog_status "off (no Verilator)")
set(opoloop_has_verilog OFF)
if(OPOLOOP_SANITIZE)
  set(opoloop_verilog_status "off (sanitizers)")
else()
  find_package(verilator QUIET HINTS $ENV{VERILATOR_ROOT} /usr/share/verilator)
  if(verilator_FOUND)
    set(opoloop_has_verilog ON)
    set(opoloop_verilog_status "Verilator ${verilator_VERSION}")
  endif()
endif()
