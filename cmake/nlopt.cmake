# NLopt is optional: `opoloop tune` searches with it, and without it says that it was built without. The solver
# group of scripts/packages does not have it; Debian: libnlopt-dev (group tune).
pkg_check_modules(NLOPT QUIET IMPORTED_TARGET nlopt)
set(opoloop_has_nlopt OFF)
set(opoloop_nlopt_status "absent: opoloop tune will not search (Debian: libnlopt-dev)")
if(NLOPT_FOUND)
  set(opoloop_has_nlopt ON)
  set(opoloop_nlopt_status "NLopt ${NLOPT_VERSION}")
endif()
