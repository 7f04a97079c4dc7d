# A fake of the module of that name, which sends its requests to the fake az. It needs PowerShell 7.
# It does what version 2 does. The files named below are in src/Authentication of
# microsoftgraph/msgraph-sdk-powershell, and RetryHandler.cs in microsoft/kiota-dotnet.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# One for the session. RequestContext.cs
$script:RequestContext = [pscustomobject] @{
    RetryDelay = 3
    MaxRetry = 3
    RetriesTimeLimit = [TimeSpan]::Zero
    ClientTimeout = [TimeSpan]::FromSeconds(300)
}

# It returns the living object. GetMgRequestContext.cs
function Get-MgRequestContext {
    [CmdletBinding()]
    param()
    return $script:RequestContext
}

# It writes the context to the pipeline, too. SetMgRequestContext.cs, Constants.cs
function Set-MgRequestContext {
    [CmdletBinding()]
    param(
        [ValidateRange(0, 180)] [int] $RetryDelay,
        [ValidateRange(0, 10)] [int] $MaxRetry
    )
    if ($PSBoundParameters.ContainsKey('RetryDelay')) {
        $script:RequestContext.RetryDelay = $RetryDelay
    }
    if ($PSBoundParameters.ContainsKey('MaxRetry')) {
        $script:RequestContext.MaxRetry = $MaxRetry
    }
    return $script:RequestContext
}

# Without a connection it returns nothing. GetMGContext.cs
function Get-MgContext {
    [CmdletBinding()]
    param()
    $said = Start-Az @('account', 'show', '--query', 'tenantId', '--output', 'tsv')
    if ($said.ExitCode -eq 0) {
        return [pscustomobject] @{ TenantId = $said.Output.Trim(); Environment = 'Global' }
    }
}

function Start-Az([string[]] $Arguments) {
    $start = [System.Diagnostics.ProcessStartInfo]::new($env:STANDIN_PYTHON)
    foreach ($argument in @('-ES', $env:STANDIN_AZ) + $Arguments) {
        $start.ArgumentList.Add($argument)
    }
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $output = $process.StandardOutput.ReadToEnd()
    $errors = $process.StandardError.ReadToEnd()
    $process.WaitForExit()
    return [pscustomobject] @{ ExitCode = $process.ExitCode; Output = $output; Errors = $errors }
}

# Send a request once, and return the status, the headers and the text of the answer.
function Send-Request([string[]] $Arguments) {
    $said = Start-Az $Arguments
    $answer = [pscustomobject] @{ Status = 200; Headers = @{}; Text = $said.Output }
    if ($said.ExitCode -eq 0) { return $answer }
    if ($said.Errors -match '^ERROR: The command failed with an unexpected error') {
        $reason = [System.IO.IOException]::new('Connection reset by peer')
        throw [System.Net.Http.HttpRequestException]::new(
            'An error occurred while sending the request.', $reason)
    }
    # A gateway sends no body.
    $isFault = $said.Errors -match '(?s)^ERROR: ([A-Za-z ]+)(?:\((\{.*\})\))?\s*$'
    if (-not $isFault) { throw $said.Errors }
    $answer.Text = if ($Matches.ContainsKey(2)) { $Matches[2] } else { '' }
    $answer.Status = @{
        'Bad Request' = 400; 'Unauthorized' = 401; 'Forbidden' = 403; 'Not Found' = 404
        'Conflict' = 409; 'Too Many Requests' = 429; 'Internal Server Error' = 500
        'Bad Gateway' = 502; 'Service Unavailable' = 503; 'Gateway Timeout' = 504
    }[$Matches[1]]
    if ($answer.Text -match 'Retry-After: ([0-9]+)') {
        $answer.Headers = @{ 'Retry-After' = [string[]] @($Matches[1]) }
    }
    return $answer
}

# Objects become hashtables that ignore case. Integers are Int64, and text that looks like a date
# becomes a DateTime: both come from Newtonsoft's JSON, which PowerShell has, too. StringUtil.cs
function ConvertTo-Answer($Value) {
    if ($Value -is [System.Collections.IDictionary]) {
        $table = [System.Collections.Hashtable]::new([StringComparer]::OrdinalIgnoreCase)
        foreach ($entry in $Value.GetEnumerator()) {
            $table.Add($entry.Key, (ConvertTo-Answer $entry.Value))
        }
        return $table
    }
    if ($Value -is [array]) {
        $list = [object[]]::new($Value.Count)
        for ($index = 0; $index -lt $list.Count; $index++) {
            $list[$index] = ConvertTo-Answer $Value[$index]
        }
        return , $list
    }
    return $Value
}

# InvokeMgGraphRequest.cs
function Invoke-MgGraphRequest {
    [CmdletBinding()]
    param(
        [ValidateSet('GET', 'POST', 'PUT', 'PATCH', 'DELETE')] [string] $Method = 'GET',
        [Parameter(Mandatory)] [uri] $Uri,
        [string] $InputFilePath,
        [string] $ContentType,
        [ValidateSet('HashTable', 'PSObject', 'HttpResponseMessage', 'Json')] [string] $OutputType,
        [switch] $SkipHttpErrorCheck,
        [string] $StatusCodeVariable,
        [string] $ResponseHeadersVariable
    )
    $arguments = @(
        'rest', '--method', $Method.ToLowerInvariant(), '--url', "$Uri", '--output', 'json',
        '--resource', $Uri.GetLeftPart([UriPartial]::Authority)
    )
    try {
        if ($InputFilePath) {
            # The path can have wildcards. The fake az takes no path with an = in it.
            $file = @(Resolve-Path -Path $InputFilePath)
            if ($file.Count -ne 1) { throw 'The path is not that of one file.' }
            $body = Join-Path $env:STANDIN "body-$PID.json"
            [System.IO.File]::Copy($file[0].ProviderPath, $body, $true)
            $arguments += '--body', "@$body"
        }
        # Any request is sent again, without a word. RetryHandler.cs, HttpHelpers.cs
        $answer = Send-Request $arguments
        $retries = 0
        while ($answer.Status -in 429, 503, 504 -and $script:RequestContext.MaxRetry -gt 0) {
            if ($retries -eq $script:RequestContext.MaxRetry) {
                throw 'Too many retries performed. More than ' +
                    "$retries retries encountered while sending the request."
            }
            # It pauses, and obeys Retry-After.
            $retries = $retries + 1
            $answer = Send-Request $arguments
        }
        if ($answer.Status -ge 400 -and -not $SkipHttpErrorCheck) {
            throw "Response status code does not indicate success: $($answer.Status)."
        }
        # An answer that is not JSON is an error, also with a status of success. StringUtil.cs
        $object = if ($answer.Text.Trim()) {
            ConvertTo-Answer (ConvertFrom-Json -InputObject $answer.Text -AsHashtable)
        }
    } catch {
        # It ends here unless the caller asks for -ErrorAction Stop. ProcessRecord
        $record = [System.Management.Automation.ErrorRecord]::new(
            $_.Exception, '', [System.Management.Automation.ErrorCategory]::NotSpecified, $null)
        $PSCmdlet.WriteError($record)
        return
    }
    # ProcessResponse writes the answer, then it sets the variables of the caller.
    $PSCmdlet.WriteObject($object)
    $PSCmdlet.SessionState.PSVariable.Set($StatusCodeVariable, $answer.Status)
    # WebResponseHelper.cs
    $headers = [System.Collections.Generic.Dictionary[string, object]]::new(
        [StringComparer]::OrdinalIgnoreCase)
    foreach ($name in $answer.Headers.Keys) { $headers[$name] = $answer.Headers[$name] }
    $PSCmdlet.SessionState.PSVariable.Set($ResponseHeadersVariable, $headers)
}

Export-ModuleMember -Function @(
    'Get-MgContext', 'Get-MgRequestContext', 'Set-MgRequestContext', 'Invoke-MgGraphRequest'
)
