"""The tables of our shop, as Django sees them. It makes none of them and changes none."""

from django.db import models


class Category(models.Model):
    """A shelf of the shop."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=100)

    class Meta:
        managed = False
        db_table = "category"
        ordering = ("name", "id")


class Product(models.Model):
    """Something to buy."""

    sku = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField()
    category = models.ForeignKey(Category, on_delete=models.CASCADE)
    price = models.IntegerField()
    stock = models.IntegerField()
    image = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "product"
        ordering = ("name", "id")


class User(models.Model):
    """A person with an account."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        managed = False
        db_table = "user"
