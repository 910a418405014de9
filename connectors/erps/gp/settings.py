"""What a person fills in to connect a Dynamics GP server."""

from connectors.contract import Setting
from connectors.erps.gp.text import CODE_PAGES

_ACCOUNT = r"^[A-Za-z0-9 .\-]{1,75}$"
_GROUP_LEDGER = "Ledger accounts"
_GROUP_CUSTOMERS = "New customers"

SETTINGS = (
    Setting(
        name="interface",
        label="Interface",
        kind="choice",
        choices=(
            ("sba", "Service Based Architecture (REST, from GP 2015 on)"),
            ("soap", "Web Services for Dynamics GP (SOAP)"),
        ),
        default="sba",
    ),
    Setting(
        name="base_url",
        label="Server address",
        kind="url",
        help="https, host and port as installed, without a path: https://gp.example.com:443.",
    ),
    Setting(
        name="tenant",
        label="Tenant",
        default="DefaultTenant",
        help="DefaultTenant on a server with one tenant. Only for the REST interface.",
        max_length=100,
    ),
    Setting(
        name="company",
        label="Company",
        required=False,
        help="As the interface names it: the SQL database's name, on some servers the display "
        "name; a number for SOAP. Ping once without it, then choose from the list.",
        max_length=100,
    ),
    Setting(
        name="domain",
        label="Windows domain",
        required=False,
        help="Before the user name, as in CONTOSO\\svc-shop. Empty for a name with @.",
        max_length=100,
        sign_in=True,
    ),
    Setting(name="user", label="Windows user name", max_length=100, sign_in=True),
    Setting(
        name="password",
        label="Windows password",
        kind="secret",
        help="Of a service account whose password does not expire.",
        sign_in=True,
    ),
    Setting(
        name="authority",
        label="Certificate authority",
        kind="certificate",
        required=False,
        help="If the server's certificate comes from the company's own authority: that "
        "authority's certificate, as PEM text.",
        max_length=40_000,
    ),
    Setting(
        name="batch_prefix",
        label="Batches begin with",
        default="WEB",
        help="Up to six letters and digits. The posting date and a number follow: WEB260331-01.",
        pattern=r"^[A-Z0-9]{1,6}$",
    ),
    Setting(
        name="refund_document",
        label="Refunds become",
        kind="choice",
        choices=(
            ("credit_memo", "Credit memos (type 7)"),
            ("return", "Returns (type 8)"),
        ),
        default="credit_memo",
    ),
    Setting(
        name="functional_currency",
        label="Currency of the books",
        required=False,
        help="Its ISO code, GBP for instance. Read from GP where the interface offers it.",
        pattern=r"^[A-Z]{3}$",
    ),
    Setting(
        name="rate_source",
        label="Exchange rates of foreign documents",
        kind="choice",
        choices=(
            ("lookup", "From the lookup table Exchange rates"),
            ("gp", "From GP's own exchange tables"),
        ),
        default="lookup",
    ),
    Setting(
        name="distributions",
        label="Distributions",
        kind="choice",
        choices=(
            ("accounts", "Given by us, by the accounts below and the lookup tables"),
            ("gp", "Filled by GP from its posting accounts"),
        ),
        default="accounts",
        group=_GROUP_LEDGER,
    ),
    Setting(
        name="receivable_account",
        label="Receivable account",
        required=False,
        help="Where no row of Accounts by payment method says otherwise.",
        group=_GROUP_LEDGER,
        pattern=_ACCOUNT,
    ),
    Setting(
        name="sales_account",
        label="Sales account",
        required=False,
        help="Where no row of Sales accounts by item class says otherwise.",
        group=_GROUP_LEDGER,
        pattern=_ACCOUNT,
    ),
    Setting(
        name="returns_account",
        label="Sales account of refunds",
        required=False,
        help="Empty: the same accounts as the sales.",
        group=_GROUP_LEDGER,
        pattern=_ACCOUNT,
    ),
    Setting(
        name="discount_account",
        label="Trade discount account",
        required=False,
        group=_GROUP_LEDGER,
        pattern=_ACCOUNT,
    ),
    Setting(
        name="tax_account",
        label="Sales tax account",
        required=False,
        group=_GROUP_LEDGER,
        pattern=_ACCOUNT,
    ),
    Setting(
        name="tax_detail",
        label="Tax detail",
        required=False,
        help="Where no row of Tax details by tax class says otherwise. The store's tax is given "
        "with this detail, so that GP's own sums hold.",
        group=_GROUP_LEDGER,
        max_length=15,
    ),
    Setting(
        name="customer_numbers",
        label="Customer numbers",
        kind="choice",
        choices=(
            ("sequence", "Prefix and a running number"),
            ("store", "Prefix and the store's customer number; guests by a running number"),
            ("email", "From the e-mail address"),
        ),
        default="sequence",
        group=_GROUP_CUSTOMERS,
    ),
    Setting(
        name="customer_prefix",
        label="Customer numbers begin with",
        default="WEB",
        group=_GROUP_CUSTOMERS,
        pattern=r"^[A-Z0-9-]{0,7}$",
    ),
    Setting(
        name="customer_digits",
        label="Digits of the running number",
        kind="integer",
        default="7",
        group=_GROUP_CUSTOMERS,
        pattern=r"^[3-8]$",
    ),
    Setting(
        name="code_page",
        label="Code page of the company database",
        kind="choice",
        choices=CODE_PAGES,
        default="cp1252",
        help="What it lacks is transliterated.",
        group="Advanced",
    ),
    Setting(
        name="request_timeout_seconds",
        label="Longest wait for an answer (seconds)",
        kind="integer",
        default="60",
        help="The first call after a pause starts a GP process and is slow.",
        group="Advanced",
        pattern=r"^\d{1,3}$",
    ),
    Setting(
        name="requests_in_flight",
        label="Requests at the same time",
        kind="integer",
        default="2",
        help="Each one occupies a GP process.",
        group="Advanced",
        pattern=r"^[1-8]$",
    ),
    Setting(
        name="soap_path",
        label="Path of the SOAP service",
        help="Where the web services were installed under another path. Only for SOAP.",
        default="/DynamicsGPWebServices/DynamicsGPService.asmx",
        group="Advanced",
        pattern=r"^/[A-Za-z0-9./_\-]+$",
    ),
    Setting(
        name="wsdl_path",
        label="Path of the SOAP service's description",
        help="Its WSDL. Only for SOAP.",
        default="/Metadata/Legacy/Full/DynamicsGP.wsdl",
        group="Advanced",
        pattern=r"^/[A-Za-z0-9./_\-?=]+$",
    ),
)
