"""What our own staff sees and does about the product. To everybody else these pages do not exist."""
