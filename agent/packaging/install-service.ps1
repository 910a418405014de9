# Installs the relay agent as a Windows service, with Shawl as the wrapper
# (winget install -e --id mtkennerly.shawl; https://github.com/mtkennerly/shawl). Run as administrator.
#
# Shawl starts the program, sends it Ctrl-C to stop, waits until its calls in hand are finished, and
# starts it again when it ends, except where that would not help (configuration, not enrolled,
# revoked, too old). The service runs as an account of its own that no one can sign in with.
param(
    [string] $Program = "$env:ProgramFiles\ml-connector-agent\Scripts\ml-connector-agent.exe",
    [string] $Config = "$env:ProgramData\ml-connector-agent\agent.toml",
    [string] $Shawl = "$env:ProgramFiles\ml-connector-agent\shawl.exe"
)
$ErrorActionPreference = "Stop"
$name = "ml-connector-agent"
$folder = Split-Path -Parent $Config
foreach ($file in $Program, $Config, $Shawl) {
    if (-not (Test-Path -LiteralPath $file)) { throw "There is no $file" }
}

function Invoke-Checked([string] $Command, [string[]] $Arguments) {
    & $Command @Arguments
    if ($LASTEXITCODE -ne 0) { throw "$Command ended with $LASTEXITCODE" }
}

Invoke-Checked $Shawl @("add", "--name", $name, "--stop-timeout", "45000",
    "--restart-if-not", "0,2,3,4,5", "--log-dir", "$folder\log",
    "--", $Program, "--config", $Config, "run")
Invoke-Checked "sc.exe" @("config", $name, "start=", "delayed-auto", "obj=", "NT SERVICE\$name")
Invoke-Checked "sc.exe" @("description", $name, "Carries the calls of ml-connector to systems on this network.")
Invoke-Checked "sc.exe" @("failure", $name, "reset=", "86400", "actions=", "restart/5000/restart/30000/restart/60000")

# Administrators, the system and the service alone: the key and the passwords are in this folder. The
# service reads its configuration and cannot change what it is allowed to call.
New-Item -ItemType Directory -Force "$folder\state", "$folder\log" | Out-Null
Invoke-Checked "icacls.exe" @($folder, "/inheritance:r",
    "/grant:r", "*S-1-5-32-544:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F", "NT SERVICE\${name}:(OI)(CI)RX")
foreach ($one in "state", "log") {
    Invoke-Checked "icacls.exe" @("$folder\$one", "/grant", "NT SERVICE\${name}:(OI)(CI)M")
}
Invoke-Checked "sc.exe" @("start", $name)
