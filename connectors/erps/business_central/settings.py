"""What a person fills in to connect a Business Central environment."""

from connectors.contract import Setting

_GUID = r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
YES_NO = (("yes", "Yes"), ("no", "No"))

SETTINGS = (
    Setting(
        name="tenant_id",
        label="Entra tenant ID",
        help="The directory ID of the company's Microsoft Entra tenant.",
        pattern=_GUID,
    ),
    Setting(
        name="environment",
        label="Environment",
        default="Production",
        help="The environment's name as the Business Central admin center shows it.",
        max_length=60,
    ),
    Setting(
        name="company_id",
        label="Company",
        required=False,
        help="Ping the connection once without it, then choose from the list.",
        pattern=_GUID,
    ),
    Setting(
        name="client_id",
        label="Application (client) ID",
        help="Of the Entra app registration, with the application permission API.ReadWrite.All.",
        pattern=_GUID,
    ),
    Setting(
        name="client_secret",
        label="Client secret",
        kind="secret",
        help="The secret's value. Entra shows it once.",
    ),
    Setting(
        name="prices_include_tax",
        label="New customers' prices include VAT",
        kind="choice",
        choices=YES_NO,
        default="no",
        help="As the configuration template for new customers says. If a customer turns out "
        "otherwise, the draft is made again by itself.",
    ),
    Setting(
        name="request_timeout_seconds",
        label="Longest wait for an answer (seconds)",
        kind="integer",
        default="60",
        group="Advanced",
        pattern=r"^\d{1,3}$",
    ),
    Setting(
        name="server_seconds",
        label="Longest work on one request (seconds)",
        kind="integer",
        default="600",
        group="Advanced",
        help="How long Business Central may go on with a request after we gave up waiting. A "
        "document without an answer is not sent again before this time is over.",
        pattern=r"^\d{1,4}$",
    ),
    Setting(
        name="requests_in_flight",
        label="Requests at the same time",
        kind="integer",
        default="4",
        group="Advanced",
        help="Business Central works on five for one application.",
        pattern=r"^[1-9]\d?$",
    ),
    Setting(
        name="api_url",
        label="API address",
        kind="url",
        default="https://api.businesscentral.dynamics.com",
        group="Advanced",
    ),
    Setting(
        name="authority",
        label="Sign-in address",
        kind="url",
        default="https://login.microsoftonline.com",
        group="Advanced",
    ),
    Setting(
        name="web_client",
        label="Web client address",
        kind="url",
        default="https://businesscentral.dynamics.com",
        required=False,
        group="Advanced",
        help="For links to documents.",
    ),
)
