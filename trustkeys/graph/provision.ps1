#Requires -Modules @{ ModuleName = 'Microsoft.Graph.Authentication'; ModuleVersion = '2.0.0' }
<#
Bring key sets into an Azure AD B2C tenant. This script holds no secret, but the .json files in
its directory do. It removes each of them once the service has accepted it. It stops at the first
error. Run it again, and it continues where it stopped.

Usage: ./provision.ps1 [[-TenantId] TENANT-ID] [-Replace] [-Same | -New]

  -TenantId   stop if PowerShell is connected to another tenant
  -Replace    confirm that the existing keys of the key set are lost
  -Same       do not add a secret if the tenant has one with the same use and dates
  -New        add it all the same

Connect first, as a user with the role B2C IEF Keyset Administrator:
  Connect-MgGraph -Environment Global -TenantId TENANT-ID `
    -Scopes TrustFrameworkKeySet.ReadWrite.All
-Environment is Global, USGov, USGovDoD or China. Then run this script in the same session.
#>
param([string] $TenantId = '', [switch] $Replace, [switch] $Same, [switch] $New)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Debug and verbose output would show private keys.
$DebugPreference = 'SilentlyContinue'
$VerbosePreference = 'SilentlyContinue'

# Example settings, replaced by trustkeys:
$Base = 'https://graph.microsoft.com/beta'
$Environment = 'Global'
$Steps = 4
$Replaces = $true
$Appends = $true
# End of the example.

# The key set at hand, and its use.
$script:KeySet = ''
$script:KeySetUse = ''
$script:KeySetPath = ''
# Its keys in the tenant, and as they must be there after the steps up to now: 'absent', or
# 'present' and the name of each key, one a line.
$script:State = 'absent'
$script:Known = 'absent'
# Each of its keys in the tenant: what Graph shows of the key, its kid, and whether it is disabled.
$script:Shown = @()
# Whether this run compares the key set with the tenant first, and whether it has sent a request.
$script:Appending = $false
$script:Sent = $false
# The claim of this run on a step, and whether its request may have taken effect.
$script:Claim = ''
$script:IsPending = $false
# The last answer. Its status is 0 if there is none, or none that can be read.
$script:Status = 0
$script:Answer = $null
$script:Code = ''
$script:Words = ''
# Statuses of requests that had no effect.
$Refusals = 400, 401, 403, 404, 409, 429

# Return text of the service without control characters, in one line.
function Get-Plain([string] $Text) {
    return ($Text -replace '\s+', ' ') -creplace '[^\x20-\x7e]', ''
}

function Show-Error([string] $Text) { [Console]::Error.WriteLine($Text) }

function Stop-Here([string] $Message) {
    Show-Error "provision.ps1: $Message"
    exit 1
}

# Show why the last request failed, and stop.
function Stop-Failed([string] $Message) {
    Show-Failure
    if ($script:Status -in 401, 403) {
        Show-Error ('You need the scope TrustFrameworkKeySet.ReadWrite.All and the role B2C IEF ' +
            'Keyset Administrator. PowerShell keeps its token: after you got both, connect ' +
            "again: Disconnect-MgGraph; $(Get-SignIn)")
    }
    Stop-Here $Message
}

function Show-Failure {
    if ($script:Status -eq 0) {
        Show-Error (Get-Plain "There is no answer, or none that is JSON: $script:Words")
    } elseif (Test-Success) {
        Show-Error "The answer with status $script:Status is not of Graph."
    } else {
        # A gateway sends no code.
        $parts = @("Status $script:Status", $script:Code, $script:Words) | Where-Object { $_ }
        Show-Error (Get-Plain ($parts -join ': '))
    }
}

function Get-SignIn {
    return "Connect-MgGraph -Environment $Environment -TenantId TENANT-ID " +
        '-Scopes TrustFrameworkKeySet.ReadWrite.All'
}

function Get-Tenant {
    $context = Get-MgContext
    if ($null -eq $context) { Stop-Here "PowerShell is not connected: $(Get-SignIn)" }
    # The module sends requests to the cloud that it is connected to, whatever their address is.
    if ([string] $context.Environment -ne $Environment) {
        Stop-Here "PowerShell is connected to another cloud than ${Environment}: $(Get-SignIn)"
    }
    return ([string] $context.TenantId) -replace '[^0-9A-Za-z-]', ''
}

# Begin a key set.
function Set-KeySet([string] $Id, [string] $Use) {
    $script:KeySet = $Id
    $script:KeySetUse = $Use
    $script:KeySetPath = "/trustFramework/keySets/$Id"
    $script:Known = 'absent'
    $script:Appending = $false
    $script:Sent = $false
}

# Return a member of an answer, or $null if it is missing.
function Get-Value($From, [string] $Name) {
    # $From.Keys would be the member "keys" of an answer that has one.
    if ($From -is [System.Collections.IDictionary]) { return $From[$Name] }
    return $null
}

# Return what Graph shows of a key, as trustkeys writes it: ["sig",NBF,EXP,"MODULUS"]. Graph does
# not show the secret of an oct key, so that null is in the place of the modulus.
function Format-Key($Key) {
    $kind = Get-Value $Key 'use'
    if (-not $kind) { $kind = $script:KeySetUse }
    $parts = @('"{0}"' -f $kind)
    foreach ($name in 'nbf', 'exp') {
        $date = Get-Value $Key $name
        $parts += if ($null -eq $date) { 'null' } else { [string] [long] $date }
    }
    $modulus = Get-Value $Key 'n'
    $parts += if ($null -eq $modulus) { 'null' } else { '"{0}"' -f (ConvertTo-Plain $modulus) }
    return '[' + ($parts -join ',') + ']'
}

# Convert base64 to base64url.
function ConvertTo-Plain([string] $Text) {
    return $Text.TrimEnd('=').Replace('/', '_').Replace('+', '-')
}

# Reduce what Graph shows of a key to its name: the modulus of an RSA key, and all of an oct key.
function Get-Name([string] $Shows) {
    return $Shows -creplace '^\[.*,"([^"]*)"\]$', '$1'
}

# Return a state with more keys. It is the same text for the same keys in any order.
function Add-Keys([string] $To, [string[]] $Names) {
    $lines = [string[]] @(@(($To -creplace '^absent', 'present') -split "`n") + @($Names))
    [Array]::Sort($lines, [StringComparer]::Ordinal)
    return $lines -join "`n"
}

# Count the texts that are equal to another one.
function Get-Count([string[]] $Texts, [string] $Text) {
    return @($Texts | Where-Object { $_ -ceq $Text }).Count
}

# Send a request, and repeat it while it is throttled.
function Invoke-Graph([string] $Method, [string] $RequestPath, [string] $File = '') {
    $arguments = @{
        Method = $Method
        Uri = "$Base$RequestPath"
        OutputType = 'HashTable'
        SkipHttpErrorCheck = $true
        StatusCodeVariable = 'graphStatus'
        ResponseHeadersVariable = 'graphHeaders'
        ErrorAction = 'Stop'
        Debug = $false
        Verbose = $false
    }
    if ($File) {
        $arguments['ContentType'] = 'application/json'
        # A body that is passed as text ends up in pipeline logs. The path can have wildcards.
        $arguments['InputFilePath'] = [WildcardPattern]::Escape($File)
    }
    $pause = 5
    while ($true) {
        $graphStatus = 0
        $graphHeaders = $null
        try {
            $script:Answer = Invoke-MgGraphRequest @arguments
            $script:Status = [int] $graphStatus
            $fault = Get-Value $script:Answer 'error'
            $script:Code = [string] (Get-Value $fault 'code')
            $script:Words = [string] (Get-Value $fault 'message')
        } catch {
            # The connection failed, or a proxy has answered with a page.
            $script:Answer = $null
            $script:Status = 0
            $script:Code = ''
            $script:Words = $_.Exception.GetBaseException().Message
        }
        $isThrottled = $script:Status -eq 429 -or $script:Code -ceq 'AADB2C95043'
        if (-not $isThrottled -or $pause -gt 160) { return }
        $seconds = Get-RetryAfter $graphHeaders $pause
        Write-Host "The service is busy: waiting for $seconds seconds."
        Start-Sleep -Seconds $seconds
        $pause = $pause * 2
    }
}

# Retry-After is a number of seconds or a date (RFC 9110 section 10.2.3).
function Get-RetryAfter($Headers, [int] $Default) {
    if ($null -eq $Headers) { return $Default }
    foreach ($name in @($Headers.Keys)) {
        if ($name -ne 'Retry-After') { continue }
        $text = [string] @($Headers[$name])[0]
        $seconds = 0
        if ([int]::TryParse($text, [ref] $seconds)) {
            return [Math]::Min([Math]::Max($seconds, 0), 3600)
        }
        $date = [DateTimeOffset]::MinValue
        $culture = [Globalization.CultureInfo]::InvariantCulture
        $style = [Globalization.DateTimeStyles]::AssumeUniversal
        if ([DateTimeOffset]::TryParse($text, $culture, $style, [ref] $date)) {
            $left = ($date - [DateTimeOffset]::UtcNow).TotalSeconds
            return [int] [Math]::Min([Math]::Max([Math]::Ceiling($left), 0), 3600)
        }
    }
    return $Default
}

function Test-Success { return $script:Status -ge 200 -and $script:Status -le 299 }

# Whether the last request succeeded, and the answer is a JSON object.
function Test-Answer {
    return (Test-Success) -and $script:Answer -is [System.Collections.IDictionary]
}

# Read the key set in the tenant, and return whether that succeeded.
function Read-KeySet {
    Invoke-Graph 'GET' $script:KeySetPath
    # AADB2C90073 comes with the status 400.
    if ($script:Status -eq 404 -or $script:Code -in 'AADB2C90073', 'AADB2C95052') {
        $script:Shown = @()
        $script:State = 'absent'
        return $true
    }
    if (-not (Test-Answer)) { return $false }
    # A proxy may have answered.
    if (-not ($script:Answer.Contains('keys') -or $script:Answer.Contains('id'))) { return $false }
    $keys = @(Get-Value $script:Answer 'keys' | Where-Object { $null -ne $_ })
    $script:Shown = @(foreach ($key in $keys) {
        [pscustomobject] @{
            Shows = Format-Key $key
            Kid = Get-Plain (Get-Value $key 'kid')
            IsDisabled = (Get-Value $key 'status') -eq 'disabled'
        }
    })
    $script:State = Add-Keys 'absent' @($script:Shown | ForEach-Object { Get-Name $_.Shows })
    return $true
}

function Read-KeySetOrStop {
    if (-not (Read-KeySet)) { Stop-Failed "could not read ${script:KeySet}: nothing was sent" }
}

function Get-File([int] $Number, [string] $Kind) {
    return Join-Path -Path $PSScriptRoot -ChildPath "$Number.$Kind"
}

function Test-File([int] $Number, [string] $Kind) {
    return [IO.File]::Exists((Get-File $Number $Kind))
}

# Whether a process is another run of this script.
function Test-Running([string] $Owner) {
    $number = 0
    if (-not [int]::TryParse($Owner, [ref] $number)) { return $false }
    if ($number -eq 0 -or $number -eq $PID) { return $false }
    $process = Get-Process -Id $number -ErrorAction SilentlyContinue
    # The system may have given the number of a run that was killed to another program.
    return $null -ne $process -and $process.ProcessName -match '^(pwsh|powershell|dotnet)'
}

# Return the number of the last claim on a step, or 0. Each attempt adds a claim, which has the
# process of the run and the keys in the tenant before the step.
function Get-LastClaim([int] $Number) {
    $last = 0
    while (Test-File $Number "sent.$($last + 1)") { $last = $last + 1 }
    return $last
}

# Return the text of a claim, or '' if it has none.
function Read-Claim([int] $Number, [int] $Last) {
    if ($Last -eq 0) { return '' }
    foreach ($attempt in 1, 2) {
        $text = ''
        try {
            $text = [IO.File]::ReadAllText((Get-File $Number "sent.$Last"))
        } catch [IO.IOException] {
            # The other run has it open, or has removed it.
            $text = ''
        }
        if ($text) { break }
        # The other run may be about to write it.
        if ($attempt -eq 1) { Start-Sleep -Seconds 1 }
    }
    return $text
}

# Stop if another run is at a step.
function Stop-IfRunning([int] $Number, [int] $Last) {
    $owner, $null = (Read-Claim $Number $Last) -split "`n", 2
    if (Test-Running $owner) {
        Stop-Here ("another run of this script is at work (process $owner): wait until it has " +
            'ended')
    }
}

# Claim a step, so that no other run sends it at the same time.
function Add-Claim([int] $Number, [int] $Last, [string] $Before) {
    Stop-IfRunning $Number $Last
    $file = Get-File $Number "sent.$($Last + 1)"
    try {
        $stream = [IO.File]::Open($file, [IO.FileMode]::CreateNew)
    } catch [IO.IOException] {
        Stop-Here 'another run of this script has begun this step: wait until it has ended'
    }
    $script:Claim = $file
    $bytes = [Text.Encoding]::UTF8.GetBytes("$PID`n$Before")
    $stream.Write($bytes, 0, $bytes.Length)
    $stream.Dispose()
    if (-not (Test-File $Number 'json')) {
        Stop-Here 'another run of this script has done this step: run this again'
    }
}

# End the claim of this run. It stays if the request may have taken effect.
function Close-Claim {
    if ($script:Claim -and -not $script:IsPending) {
        [IO.File]::Delete($script:Claim)
    } elseif ($script:Claim) {
        # This process goes on after the run, and must not count as one.
        $text = [IO.File]::ReadAllText($script:Claim)
        [IO.File]::WriteAllText($script:Claim, ($text -creplace '^[0-9]+', '0'))
    }
    $script:Claim = ''
    $script:IsPending = $false
}

# Remove the body of a step that is done, and the claims on it.
function Complete-Step([int] $Number) {
    [IO.File]::Delete((Get-File $Number 'json'))
    foreach ($file in [IO.Directory]::GetFiles($PSScriptRoot, "$Number.sent.*")) {
        [IO.File]::Delete($file)
    }
    $script:Claim = ''
    $script:IsPending = $false
}

# Send a body.
function Send-Body([int] $Number, [string] $Method, [string] $RequestPath) {
    Write-Host "Step $Number of ${Steps}: $Method $RequestPath"
    # The session may be connected to another tenant since the start.
    if ((Get-Tenant) -ne $tenant) { Stop-Here 'PowerShell is connected to another tenant now' }
    # From here on the claim stays if this run is stopped.
    $script:IsPending = $true
    $script:Sent = $true
    Invoke-Graph $Method $RequestPath (Get-File $Number 'json')
    if (-not (Test-Answer) -and $script:Status -ne 204) {
        # A refused request had no effect. After any other error that is unknown.
        if ($script:Status -in $Refusals -and $script:Code -cne 'AADB2C90063') {
            $script:IsPending = $false
        }
        Stop-Failed ("step $Number of $Steps failed: fix the cause and run this again to " +
            'continue here')
    }
}

# Send a request unless an earlier run did.
function Invoke-Step([int] $Number, [string] $RequestPath, [string[]] $Names) {
    $before = $script:Known
    if (-not (Test-File $Number 'json')) {
        # The comparison has already found its keys in the tenant.
        if (-not $script:Appending) { $script:Known = Add-Keys $script:Known $Names }
        Complete-Step $Number
        Write-Host "Step $Number of ${Steps}: already done"
        return
    }
    $last = Get-LastClaim $Number
    $null, $claimed = (Read-Claim $Number $last) -split "`n", 2
    if ($claimed) { $before = $claimed }
    Add-Claim $Number $last $before
    $script:Known = Add-Keys $before $Names
    Read-KeySetOrStop
    # A change by this run or by the one before may not be visible yet.
    foreach ($pause in 2, 4, 8) {
        if ($last -ne 0) {
            if ($script:State -cne $before) { break }
        } elseif (-not $script:Sent -or $script:State -ceq $before) {
            break
        }
        Start-Sleep -Seconds $pause
        Read-KeySetOrStop
    }
    if ($script:State -ceq $before) {
        Send-Body $Number 'post' $RequestPath
    } elseif ($last -ne 0 -and $script:State -ceq $script:Known) {
        Write-Host "Step $Number of ${Steps}: already done"
    } elseif ($before -ceq 'absent') {
        Stop-Here ("$script:KeySet already exists, and this script did not create it " +
            '(AADB2C95028): compare the two; to add the keys that it lacks, write the requests ' +
            'again with --append; to lose the existing keys, with --replace')
    } else {
        Stop-Here ("$script:KeySet is not as this script left it: it was changed by somebody " +
            'else, or this is another tenant. Nothing was sent: compare the two, and write the ' +
            'requests again with --append')
    }
    Complete-Step $Number
}

# Replace all keys of the key set.
function Invoke-Replacement([int] $Number, [string] $RequestPath, [string[]] $Names) {
    if (-not (Test-File $Number 'json')) {
        $script:Known = Add-Keys 'absent' $Names
        Complete-Step $Number
        Write-Host "Step $Number of ${Steps}: already done"
        return
    }
    Add-Claim $Number (Get-LastClaim $Number) 'absent'
    Read-KeySetOrStop
    if ($script:State -ceq 'absent') {
        Stop-Here "$script:KeySet does not exist: write the requests again without --replace"
    }
    $lost = @(foreach ($key in $script:Shown) {
        # All secrets count as lost, since Graph does not show them.
        $isSecret = $key.Shows.EndsWith(',null]')
        if ($isSecret -or (Get-Count $Names (Get-Name $key.Shows)) -eq 0) { $key.Kid }
    })
    if ($lost.Count -eq 0) {
        Write-Host "All keys of $script:KeySet in the tenant are among the new keys."
    } else {
        Write-Host ("These keys of $script:KeySet in the tenant do not seem to be among the new " +
            'keys. They will be lost, and cannot be read back:')
        foreach ($kid in $lost) { Write-Host $kid }
    }
    if (-not $Replace) {
        Stop-Here 'nothing was sent: to lose these keys, run this again with -Replace'
    }
    Send-Body $Number 'put' $RequestPath
    Complete-Step $Number
    $script:Known = Add-Keys 'absent' $Names
}

# Compare the key set with the tenant, and say what will be added: lines of NUMBER KEY TEXT. The
# number is "-" if the key cannot be added and must be in the tenant.
function Compare-KeySet([string] $Keys) {
    $lines = @($Keys -split '\r?\n')
    $taken = @()
    $there = @()
    $unclear = @()
    $missing = @()
    $added = @()
    $script:Appending = $true
    Read-KeySetOrStop
    $script:Known = $script:State
    if ($script:State -ceq 'absent') {
        Stop-Here "$script:KeySet does not exist: write the requests again without --append"
    }
    foreach ($line in $lines) {
        $number, $key, $text = $line -split ' ', 3
        if ($number -eq '-') { continue }
        $last = Get-LastClaim $number
        Stop-IfRunning $number $last
        if ($last -ne 0) {
            Write-Host "An earlier run stopped in step $number of $Steps."
            return
        }
        if (-not (Test-File $number 'json')) { $taken += Get-Name $key }
    }
    foreach ($name in $taken) {
        $count = Get-Count ($script:State -split "`n") $name
        if ($count -lt (Get-Count $taken $name)) {
            Stop-Here ("$script:KeySet lacks a key that an earlier run has added or found: this " +
                'is another tenant, or the key was removed, or the service does not show it yet. ' +
                'Nothing was sent: run this again in a minute, or write the requests again')
        }
    }
    foreach ($line in $lines) {
        $number, $key, $text = $line -split ' ', 3
        $canAdd = $number -ne '-'
        if ($canAdd -and -not (Test-File $number 'json')) { continue }
        $name = Get-Name $key
        if ((Get-Count ($script:State -split "`n") $name) -le (Get-Count $taken $name)) {
            if ($canAdd) { $added += $text } else { $missing += $text }
        } elseif ($canAdd -and $name -ceq $key -and -not $Same) {
            if ($New) {
                $added += $text
            } else {
                $unclear += $text
                $taken += $name
            }
        } else {
            $taken += $name
            if ($canAdd) { $there += $number }
            Write-Host "In the tenant already: $text"
        }
    }
    if ($missing.Count -ne 0) {
        Write-Host "These keys of $script:KeySet are not in the tenant, and cannot be added:"
        foreach ($text in $missing) { Write-Host $text }
        Stop-Here 'nothing was sent: mend this, and write the requests again'
    }
    if ($unclear.Count -ne 0) {
        Write-Host ('The tenant has keys with the same use and dates as these secrets. Graph ' +
            'does not show secrets, so they may be the same or others:')
        foreach ($text in $unclear) { Write-Host $text }
        if ($added.Count -ne 0) {
            Write-Host 'If they are the same, these are added:'
            foreach ($text in $added) { Write-Host $text }
        }
        Stop-Here ('nothing was sent: if they are the same, run this again with -Same; if they ' +
            'are new, with -New')
    }
    foreach ($number in $there) { Complete-Step $number }
    if ($added.Count -eq 0) {
        Write-Host "$script:KeySet in the tenant lacks no key."
    } else {
        Write-Host "To be added to ${script:KeySet}:"
        foreach ($text in $added) { Write-Host $text }
    }
}

# Compare all that the tenant shows of the key set with what it must have, and the active key with
# the one that the dates say: lines of KEY TEXT.
function Test-KeySet([string] $Keys) {
    $lines = @($Keys -split '\r?\n')
    $now = ([DateTimeOffset] (Get-Date)).ToUnixTimeSeconds()
    foreach ($pause in 5, 10, 20, 0) {
        $found = ''
        $isRead = Read-KeySet
        if (-not $isRead) {
            Show-Failure
        } else {
            Invoke-Graph 'GET' "$script:KeySetPath/getActiveKey"
            if (Test-Answer) { $found = Format-Key $script:Answer } else { Show-Failure }
        }
        $wrong = @(Get-Differences $lines)
        $expected = Get-ExpectedKey $now $lines
        if ($isRead -and $wrong.Count -eq 0 -and -not $expected) {
            Stop-Here ("MISMATCH: by their dates, no key of $script:KeySet is active now, and " +
                'sign-in fails: add one')
        }
        if ($isRead -and $wrong.Count -eq 0 -and $found -ceq $expected) {
            Write-Host "OK: $script:KeySet has the expected keys, and the expected one is active."
            return
        }
        if ($pause -ne 0) { Start-Sleep -Seconds $pause }
    }
    if (-not $isRead) { Stop-Here "could not read $script:KeySet to check it: run this again" }
    if ($wrong.Count -ne 0) {
        foreach ($text in $wrong) { Write-Host $text }
        Stop-Here ("MISMATCH: $script:KeySet in the tenant differs from what was brought: " +
            'compare the two')
    }
    Write-Host (Get-Plain "expected: $expected")
    Write-Host (Get-Plain "found:    $found")
    Stop-Here ("MISMATCH: the active key of $script:KeySet is another one: check whether the " +
        'keys in the tenant are enabled, and compare the two')
}

# Return how the key set in the tenant differs from what it must have: lines of KEY TEXT.
function Get-Differences([string[]] $Lines) {
    $wanted = @($Lines | ForEach-Object { Get-Shows $_ })
    $there = @($script:Shown | ForEach-Object { $_.Shows })
    foreach ($line in $Lines) {
        $key, $text = $line -split ' ', 2
        if ((Get-Count $there $key) -lt (Get-Count $wanted $key)) {
            "missing, or with other dates: $text"
        }
    }
    foreach ($key in $script:Shown) {
        $count = Get-Count $wanted $key.Shows
        if (-not $script:Appending -and (Get-Count $there $key.Shows) -gt $count) {
            "not expected: $($key.Kid)"
        } elseif ($key.IsDisabled -and $count -ne 0) {
            "disabled: $($key.Kid)"
        }
    }
}

# Return the key of a line of KEY TEXT.
function Get-Shows([string] $Line) {
    $key, $null = $Line -split ' ', 2
    return $key
}

# Return the key that must be active, of the other keys in the tenant and of those that it must
# have: lines of KEY TEXT. Of keys with the same start, the later one is active.
function Get-ExpectedKey([long] $Now, [string[]] $Lines) {
    $best = ''
    $latest = [long] -1
    $keys = @($script:Shown | Where-Object { -not $_.IsDisabled } | ForEach-Object { $_.Shows })
    $keys += @($Lines | ForEach-Object { Get-Shows $_ })
    foreach ($key in $keys) {
        $null, $nbf, $exp, $null = $key -split ',', 4
        $start = if ($nbf -ceq 'null') { [long] -1 } else { [long] $nbf }
        $isOver = $exp -cne 'null' -and $Now -ge [long] $exp
        if ($start -le $Now -and -not $isOver -and $start -ge $latest) {
            $latest = $start
            $best = $key
        }
    }
    return $best
}

if ($args.Count -ne 0 -or ($Same -and $New)) {
    Stop-Here 'Usage: ./provision.ps1 [[-TenantId] TENANT-ID] [-Replace] [-Same | -New]'
}
if ($Replace -and -not $Replaces) {
    Stop-Here 'these requests replace nothing: leave -Replace out'
}
if (($Same -or $New) -and -not $Appends) {
    Stop-Here 'these requests add to no existing key set: leave -Same and -New out'
}
if ($TenantId.Contains('.')) {
    Stop-Here ('TENANT-ID must be the id of the tenant, not its domain: the Azure portal ' +
        'shows it')
}
$tenant = Get-Tenant
Write-Host "Tenant: $tenant at $Base"
if ($TenantId -and $TenantId -ne $tenant) {
    Stop-Here "this is another tenant than ${TenantId}: nothing was sent"
}

# The module itself sends a request again after a status of 429, 503 or 504, even if it took
# effect. This number is for the whole session.
$retries = (Get-MgRequestContext).MaxRetry
try {
    $null = Set-MgRequestContext -MaxRetry 0
# Example steps, replaced by trustkeys:
Set-KeySet 'B2C_1A_Example' 'sig'
Invoke-Step 1 '/trustFramework/keySets' @('MODULUS')
Invoke-Replacement 2 '/trustFramework/keySets/B2C_1A_Example' @('MODULUS')
Compare-KeySet @'
3 ["sig",null,null,"MODULUS"] key KID
- ["sig",null,null,"MODULUS"] key KID: it has no certificate
'@
Invoke-Step 3 '/trustFramework/keySets/B2C_1A_Example/uploadPkcs12' @('MODULUS')
Test-KeySet @'
["sig",null,null,"MODULUS"] key KID
'@
# End of the example.
} catch {
    Stop-Here (Get-Plain $_.Exception.Message)
} finally {
    $null = Set-MgRequestContext -MaxRetry $retries
    Close-Claim
}
exit 0
