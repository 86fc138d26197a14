"""Where things are inside a container, and how its bootstrap learns where to call."""

#: Folders of a container.
CODE = "/var/task"
LAYERS = "/opt"
TEMPORARY = "/tmp"
RUN = "/run/localfaas"
BOOTSTRAP = "/var/localfaas"
RUNTIME = "/var/runtime"
DEBUGGER = "/var/localfaas_debugger"
#: Where the runtime's output goes, and the socket it finds the control plane on.
OUTPUT = f"{RUN}/output"
SOCKET = f"{RUN}/control.sock"
#: The variable that tells a bootstrap where to call: SOCKET, or "host:port/token" over TCP.
SOCKET_VARIABLE = "LOCALFAAS_STEM_SOCKET"
