// Something to compile, so that there is a target whose header can be precompiled.
