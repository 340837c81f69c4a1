"""The addresses."""

from django.urls import path

from benchmarks.pages.django_shop import views

urlpatterns = [
    path("healthz", views.healthz),
    path("", views.home),
    path("products/<slug:sku>", views.product),
    path("cart", views.show_cart),
    path("cart/items", views.add_item),
    path("cart/items/<slug:sku>", views.set_item),
    path("login", views.login),
    path("logout", views.logout),
]
