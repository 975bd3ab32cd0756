# The parts of hotslot but core, which is a library: what hotslotConfig.cmake and the CMakeLists.txt of the sources have in common.
#
# None of them is compiled before a target of yours links it, and then with that target's settings: Asio's macros are yours.
# Link keys, http and process in one target of a program.

function(hotslot_add_pool)
  if(NOT TARGET hotslot::hotslot)
    add_library(hotslot::hotslot INTERFACE IMPORTED ${ARGN})
    target_link_libraries(hotslot::hotslot INTERFACE hotslot::core Threads::Threads)
  endif()
endfunction()

# hotslot_add_part(NAME SOURCE SCOPE LIBRARY...)
function(hotslot_add_part name source scope)
  if(NOT TARGET hotslot::${name})
    add_library(hotslot::${name} INTERFACE IMPORTED ${scope})
    target_sources(hotslot::${name} INTERFACE ${source})
    target_link_libraries(hotslot::${name} INTERFACE hotslot::hotslot ${ARGN})
  endif()
endfunction()
