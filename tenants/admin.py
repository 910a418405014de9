"""The operators' admin, on the public host only. Secrets are never shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import CharField, ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from tenants.models import AgendaItem, AgentAddress, Domain, HookAddress, Membership, Tenant, User
from tenants.provision import create_tenant, problems

admin.site.unregister(Group)


class DomainInline(TabularInline):
    model = Domain
    extra = 0


class MembershipInline(TabularInline):
    model = Membership
    extra = 0


class NewTenantForm(ModelForm):
    """Name, slug, host and time zone: the schema is made when it is saved."""

    host = CharField(help_text="The host name of its console, such as acme.connector.example.")

    class Meta:
        model = Tenant
        fields = ["name", "slug", "time_zone"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        given = {name: str(values.get(name, "")) for name in ("name", "slug", "host", "time_zone")}
        for name, words in problems(**given).items():
            if name not in self.errors:
                self.add_error(name, words)
        return values


@admin.register(Tenant)
class TenantAdmin(ModelAdmin):
    list_display = ["name", "slug", "schema_name", "time_zone", "is_active", "created_at"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    inlines = [DomainInline, MembershipInline]

    def get_form(self, request: HttpRequest, obj: Tenant | None = None, **more: Any) -> Any:
        if obj is None:
            return NewTenantForm
        return super().get_form(request, obj, **more)

    def get_inlines(self, request: HttpRequest, obj: Tenant | None) -> Any:
        return [] if obj is None else self.inlines

    def get_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        if obj is None:
            return ["name", "slug", "host", "time_zone"]
        return ["name", "slug", "schema_name", "time_zone", "is_active"]

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> Any:
        return [] if obj is None else ["slug", "schema_name"]

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        made = create_tenant(
            name=obj.name,
            slug=obj.slug,
            host=form.cleaned_data["host"],
            time_zone=obj.time_zone,
        )
        obj.pk, obj.schema_name = made.pk, made.schema_name
        obj._state.adding = False

    def has_delete_permission(self, request: HttpRequest, obj: Tenant | None = None) -> bool:
        return False  # a ledger's trail is not deleted with a click: close the tenant instead


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    filter_horizontal = []
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Access", {"fields": ["is_active", "is_staff", "is_superuser"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "name", "password1", "password2"]})]
    inlines = [MembershipInline]


@admin.register(HookAddress)
class HookAddressAdmin(ModelAdmin):
    list_display = ["tenant", "connection_id", "end_of_key", "is_enabled", "created_at"]
    list_filter = ["tenant", "is_enabled"]
    list_editable = ["is_enabled"]
    fields = ["tenant", "connection_id", "end_of_key", "is_enabled", "created_at"]
    readonly_fields = ["tenant", "connection_id", "end_of_key", "created_at"]

    @admin.display(description="key")
    def end_of_key(self, obj: HookAddress) -> str:
        return f"…{obj.key[-4:]}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AgentAddress)
class AgentAddressAdmin(ModelAdmin):
    """Which tenant a relay agent works for; agents are invited and revoked in the tenant's console."""

    list_display = ["tenant", "agent_id", "key", "is_enrolled", "created_at"]
    list_filter = ["tenant", "is_enrolled"]
    search_fields = ["key"]
    fields = readonly_fields = ["tenant", "agent_id", "key", "is_enrolled", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AgendaItem)
class AgendaAdmin(ModelAdmin):
    list_display = ["tenant", "kind", "key", "priority", "due_at", "dispatches"]
    list_filter = ["kind", "tenant"]
    actions = ["due_now"]
    readonly_fields = ["tenant", "kind", "key", "priority", "due_at", "dispatches", "dispatched_at"]

    @admin.action(description="Make due now")
    def due_now(self, request: HttpRequest, rows: QuerySet[AgendaItem]) -> None:
        rows.update(due_at=timezone.now())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
