# A fake of the module of that name, which calls the fake az.
Set-StrictMode -Version Latest

function Get-MgContext {
    $state = Get-Content -Raw -LiteralPath (Join-Path $env:STANDIN 'state.json') | ConvertFrom-Json
    if ($state.tenant) { return [pscustomobject] @{ TenantId = $state.tenant } }
}

function Invoke-MgGraphRequest {
    [CmdletBinding()]
    param(
        [string] $Method,
        [uri] $Uri,
        [string] $InputFilePath,
        [string] $ContentType,
        [string] $OutputType,
        [switch] $SkipHttpErrorCheck,
        [string] $StatusCodeVariable,
        [string] $ResponseHeadersVariable
    )
    $arguments = @(
        'rest', '--method', $Method.ToLowerInvariant(), '--url', "$Uri", '--output', 'json',
        '--resource', $Uri.GetLeftPart([UriPartial]::Authority)
    )
    if ($InputFilePath) {
        # The fake az takes no path with an = in it.
        $file = Resolve-Path -Path $InputFilePath
        Copy-Item -LiteralPath $file.ProviderPath -Destination (Join-Path $env:STANDIN 'body.json')
        $arguments += '--body', "@$(Join-Path $env:STANDIN 'body.json')"
    }
    $ErrorActionPreference = 'Continue'
    $said = & $env:STANDIN_PYTHON -ES $env:STANDIN_AZ @arguments 2>&1 | Out-String
    $status = 200
    $headers = [System.Collections.Generic.Dictionary[string, [System.Collections.Generic.IEnumerable[string]]]]::new(
        [StringComparer]::OrdinalIgnoreCase)
    if ($said -match '(?s)ERROR: ([A-Za-z ]+)\((\{.*\})\)') {
        $said = $Matches[2]
        $status = @{
            'Bad Request' = 400; 'Unauthorized' = 401; 'Not Found' = 404; 'Conflict' = 409
            'Too Many Requests' = 429; 'Bad Gateway' = 502
        }[$Matches[1]]
        if ($said -match 'Retry-After: ([0-9]+)') {
            $headers['Retry-After'] = [string[]] @($Matches[1])
        }
    } elseif ($LASTEXITCODE -ne 0) {
        throw $said
    }
    $PSCmdlet.SessionState.PSVariable.Set($StatusCodeVariable, $status)
    $PSCmdlet.SessionState.PSVariable.Set($ResponseHeadersVariable, $headers)
    return $said | ConvertFrom-Json -AsHashtable
}

Export-ModuleMember -Function Get-MgContext, Invoke-MgGraphRequest
