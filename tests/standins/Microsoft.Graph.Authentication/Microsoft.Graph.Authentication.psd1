@{
    RootModule = 'Microsoft.Graph.Authentication.psm1'
    ModuleVersion = '2.0.0'
    GUID = 'd2e1f0a9-6f0b-4a52-9d5e-1f6a3c7b8e90'
    FunctionsToExport = @(
        'Get-MgContext', 'Get-MgRequestContext', 'Set-MgRequestContext', 'Invoke-MgGraphRequest'
    )
}
