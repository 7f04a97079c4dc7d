#Requires -Modules Microsoft.Graph.Authentication
<#
Bring a key set into an Azure AD B2C tenant. This script holds no secret, but the .json files in
its directory do. It removes each of them once the service has accepted it. It stops at the first
error. Run it again, and it continues where it stopped.

Usage: ./provision.ps1 [[-TenantId] TENANT-ID] [-Replace]

  -TenantId   stop if PowerShell is connected to another tenant
  -Replace    confirm that the existing keys of the key set are lost

Connect first:
  Connect-MgGraph -Environment Global -TenantId TENANT-ID `
    -Scopes TrustFrameworkKeySet.ReadWrite.All
-Environment is Global, USGov, USGovDoD or China. Then run this script in the same session.
#>
param([string] $TenantId = '', [switch] $Replace)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
# Debug and verbose output would show private keys.
$DebugPreference = 'SilentlyContinue'
$VerbosePreference = 'SilentlyContinue'

# Example settings, replaced by trustkeys:
$KeySet = 'B2C_1A_Example'
$Base = 'https://graph.microsoft.com/beta'
$Environment = 'Global'
$Path = '/trustFramework/keySets/B2C_1A_Example'
$Steps = 2
$Replaces = $true
$IsRsa = $true
# End of the example.

# The key set in the tenant, and as it must be there after the steps up to now: 'absent', or
# 'present' and each key.
$script:State = 'absent'
$script:Known = 'absent'
$script:Brought = @()
# Whether this run has sent a request.
$script:Sent = $false

function Stop-Here([string] $Message) {
    [Console]::Error.WriteLine("provision.ps1: $Message")
    exit 1
}

# Return a member of an answer, or $null if it is missing.
function Get-Value($Answer, [string] $Name) {
    # $Answer.Keys would be the member "keys" of an answer that has one.
    if ($Answer -is [System.Collections.IDictionary]) { return $Answer[$Name] }
    return $null
}

function Get-File([int] $Number, [string] $Kind) {
    return Join-Path -Path $PSScriptRoot -ChildPath "$Number.$Kind"
}

# Send a request, and repeat it while it is throttled. Return the status, the answer and its code.
function Invoke-Graph([string] $Method, [string] $RequestPath, [string] $File = '') {
    $arguments = @{
        Method = $Method
        Uri = "$Base$RequestPath"
        OutputType = 'HashTable'
        SkipHttpErrorCheck = $true
        StatusCodeVariable = 'graphStatus'
        ResponseHeadersVariable = 'graphHeaders'
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
        $answer = Invoke-MgGraphRequest @arguments
        $code = Get-Value (Get-Value $answer 'error') 'code'
        $isThrottled = $graphStatus -eq 429 -or $code -eq 'AADB2C95043'
        if (-not $isThrottled -or $pause -gt 160) {
            return @{ Status = [int] $graphStatus; Answer = $answer; Code = [string] $code }
        }
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
        if ([int]::TryParse($text, [ref] $seconds)) { return [Math]::Max($seconds, 0) }
        $date = [DateTimeOffset]::MinValue
        if ([DateTimeOffset]::TryParse($text, [ref] $date)) {
            $left = ($date - [DateTimeOffset]::UtcNow).TotalSeconds
            return [int] [Math]::Min([Math]::Max([Math]::Ceiling($left), 0), 3600)
        }
    }
    return $Default
}

function Stop-Failed($Result, [string] $Message) {
    $fault = Get-Value $Result.Answer 'error'
    $words = Get-Value $fault 'message'
    Stop-Here "$Message (status $($Result.Status), $($Result.Code)): $words"
}

function Get-Tenant {
    $context = Get-MgContext
    if ($null -eq $context) {
        Stop-Here ("not connected: Connect-MgGraph -Environment $Environment " +
            '-TenantId TENANT-ID -Scopes TrustFrameworkKeySet.ReadWrite.All')
    }
    return ([string] $context.TenantId) -replace '[^0-9A-Za-z-]', ''
}

function Test-Success($Result) { return $Result.Status -ge 200 -and $Result.Status -le 299 }

# Convert base64 to base64url.
function ConvertTo-Plain([string] $Text) {
    return $Text.TrimEnd('=').Replace('/', '_').Replace('+', '-')
}

# Return the same text for the same keys in any order.
function Join-Keys($Keys) {
    $plain = [string[]] @(@($Keys) | ForEach-Object { ConvertTo-Plain $_ })
    [Array]::Sort($plain, [StringComparer]::Ordinal)
    return (@('present') + $plain) -join "`n"
}

function Update-State {
    $result = Invoke-Graph 'GET' $Path
    # AADB2C90073 comes with the status 400.
    if ($result.Status -eq 404 -or $result.Code -in 'AADB2C90073', 'AADB2C95052') {
        $script:State = 'absent'
        return
    }
    if (-not (Test-Success $result)) {
        Stop-Failed $result "could not read ${KeySet}: nothing was sent"
    }
    $name = if ($IsRsa) { 'n' } else { 'use' }
    $found = @()
    foreach ($key in @(Get-Value $result.Answer 'keys')) {
        $member = Get-Value $key $name
        if ($null -ne $member) { $found += [string] $member }
    }
    $script:State = Join-Keys $found
}

function Send-Body([int] $Number, [string] $Method, [string] $RequestPath) {
    Write-Host "Step $Number of ${Steps}: $Method $RequestPath"
    # The session may be connected to another tenant since the start.
    if ((Get-Tenant) -cne $tenant) { Stop-Here 'this is connected to another tenant now' }
    $mark = Get-File $Number 'sent'
    [IO.File]::WriteAllText($mark, '')
    $script:Sent = $true
    $result = Invoke-Graph $Method $RequestPath (Get-File $Number 'json')
    if (-not (Test-Success $result)) {
        # A refused request had no effect. After any other error that is unknown.
        if ($result.Status -ge 400 -and $result.Status -le 499) {
            Remove-Item -LiteralPath $mark -Force
        }
        Stop-Failed $result ("step $Number of $Steps failed: fix the cause and run this again " +
            'to continue here')
    }
}

function Remove-Sent([int] $Number) {
    foreach ($kind in 'json', 'sent') {
        $file = Get-File $Number $kind
        if (Test-Path -LiteralPath $file) { Remove-Item -LiteralPath $file -Force }
    }
}

# Send a request unless an earlier run did.
function Invoke-Step([int] $Number, [string] $RequestPath, [string[]] $Brings) {
    $before = $script:Known
    $script:Brought = @($script:Brought) + @($Brings)
    $script:Known = Join-Keys $script:Brought
    if (-not (Test-Path -LiteralPath (Get-File $Number 'json'))) {
        Write-Host "Step $Number of ${Steps}: already done"
        return
    }
    $isMarked = Test-Path -LiteralPath (Get-File $Number 'sent')
    Update-State
    # A change by this run or by the one before may not be visible yet.
    foreach ($pause in 2, 4, 8) {
        if ($script:Sent -and $script:State -ceq $before) { break }
        if (-not $script:Sent -and (-not $isMarked -or $script:State -cne $before)) { break }
        Start-Sleep -Seconds $pause
        Update-State
    }
    if ($script:State -ceq $before) {
        Send-Body $Number 'POST' $RequestPath
    } elseif (-not $script:Sent -and $isMarked -and $script:State -ceq $script:Known) {
        Write-Host "Step $Number of ${Steps}: already done"
    } elseif ($before -ceq 'absent') {
        Stop-Here ("$KeySet already exists, and this script did not create it (AADB2C95028): " +
            'compare the two; to lose the existing keys, write the requests again with --replace')
    } else {
        Stop-Here ("$KeySet is not as this script left it: it was changed by somebody else, or " +
            'this is another tenant. Nothing was sent: compare the two')
    }
    Remove-Sent $Number
}

# Replace all keys of the key set.
function Invoke-Replacement([int] $Number, [string] $RequestPath, [string[]] $Brings) {
    if (-not (Test-Path -LiteralPath (Get-File $Number 'json'))) {
        Write-Host "Step $Number of ${Steps}: already done"
        return
    }
    $result = Invoke-Graph 'GET' $Path
    if (-not (Test-Success $result)) {
        Stop-Failed $result ("could not read ${KeySet}: if it does not exist, write the " +
            'requests again without --replace')
    }
    $lost = @()
    foreach ($key in @(Get-Value $result.Answer 'keys')) {
        $modulus = ConvertTo-Plain ([string] (Get-Value $key 'n'))
        if ($IsRsa -and $Brings -ccontains $modulus) { continue }
        $lost += ([string] (Get-Value $key 'kid')) -replace '[^\x20-\x7e]', '?'
    }
    if ($lost.Count -eq 0) {
        Write-Host "All keys of $KeySet in the tenant are among the new keys."
    } else {
        Write-Host ("These keys of $KeySet in the tenant do not seem to be among the new keys. " +
            'They will be lost, and cannot be read back:')
        foreach ($kid in $lost) { Write-Host $kid }
    }
    if (-not $Replace) {
        Stop-Here 'nothing was sent: to lose these keys, run this again with -Replace'
    }
    Send-Body $Number 'PUT' $RequestPath
    Remove-Sent $Number
}

# Return what identifies a key, as in the schedule.
function Get-Shown($Key) {
    if ($IsRsa) { return ConvertTo-Plain ([string] (Get-Value $Key 'n')) }
    $parts = @('"{0}"' -f (Get-Value $Key 'use'))
    foreach ($name in 'nbf', 'exp') {
        $date = Get-Value $Key $name
        $parts += if ($null -eq $date) { 'null' } else { [string] [long] $date }
    }
    return '[' + ($parts -join ',') + ']'
}

# Compare the active key with the schedule, in lines of START END KEY.
function Test-ActiveKey([string] $Schedule) {
    $now = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds()
    $expected = '-'
    foreach ($line in $Schedule -split '\r?\n') {
        $start, $end, $shows = $line -split ' '
        if ([long] $start -le $now -and ($end -eq '-' -or $now -lt [long] $end)) {
            $expected = $shows
        }
    }
    if ($expected -eq '-') {
        Stop-Here "MISMATCH: by their dates, no key of $KeySet is active now, and sign-in fails"
    }
    $found = ''
    foreach ($pause in 5, 10, 20, 0) {
        $result = Invoke-Graph 'GET' "$Path/getActiveKey"
        if (Test-Success $result) { $found = Get-Shown $result.Answer }
        if ($found -ceq $expected) {
            Write-Host "OK: the active key of $KeySet is the one that is expected."
            return
        }
        if ($pause -gt 0) { Start-Sleep -Seconds $pause }
    }
    Write-Host "expected: $expected"
    Write-Host ("found:    $found" -replace '[^\x20-\x7e]', '?')
    Stop-Here ("MISMATCH: the active key of $KeySet is another one: check whether the keys in " +
        'the tenant are enabled, and compare the two')
}

if ($Replace -and -not $Replaces) {
    Stop-Here 'these requests replace nothing: leave -Replace out'
}
$tenant = Get-Tenant
Write-Host "Tenant: $tenant at $Base"
if ($TenantId -and $TenantId -ne $tenant) {
    Stop-Here "this is another tenant than ${TenantId}: nothing was sent"
}

# Example steps and schedule, replaced by trustkeys:
Invoke-Step 1 '/trustFramework/keySets' @('MODULUS')
Invoke-Replacement 2 '/trustFramework/keySets/B2C_1A_Example' @('MODULUS')
Test-ActiveKey @'
0 - MODULUS
'@
# End of the example.
